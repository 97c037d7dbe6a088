// Puts words before the subject, and keeps the changed mail in a bucket; changes nothing in transit.
import { randomUUID } from 'node:crypto';
import { field, withField } from './mail.mjs';
import { get, keep } from './message_flow.mjs';

export const handler = async (event) => {
  const bucket = process.env.UPDATED_EMAIL_S3_BUCKET;
  if (!bucket) {
    console.log('UPDATED_EMAIL_S3_BUCKET is not set');
    return null;
  }
  const mail = await get(event.messageId);
  await keep(bucket, randomUUID(), withField(mail, 'Subject', `[Hello World!] ${field(mail, 'Subject')}`));
  return { actions: [{ allRecipients: true, action: { type: 'DEFAULT' } }] };
};
