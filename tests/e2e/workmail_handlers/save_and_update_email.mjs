// Keeps each mail and its event in a bucket, and marks mail, inside or across domains, with the key.
import { withField } from './mail.mjs';
import { get, keep, put } from './message_flow.mjs';
import { isInternal, update } from './update_email.mjs';

export const handler = async (event) => {
  const { SAVED_EMAIL_BUCKET, UPDATE_EXTERNAL_MESSAGES, UPDATE_INTERNAL_MESSAGES } = process.env;
  const mail = await get(event.messageId);
  const key = event.invocationId;
  await keep(SAVED_EMAIL_BUCKET, `${key}.eml`, mail);
  await keep(SAVED_EMAIL_BUCKET, `${key}.json`, JSON.stringify(event));
  const wanted = isInternal(event.envelope) ? UPDATE_INTERNAL_MESSAGES : UPDATE_EXTERNAL_MESSAGES;
  if (wanted.toLowerCase() === 'true') {
    await put(event.messageId, withField(update(mail, key), 'WorkMailMessageKey', key));
  }
  return { actions: [{ action: { type: 'DEFAULT' }, allRecipients: 'true' }] };
};
