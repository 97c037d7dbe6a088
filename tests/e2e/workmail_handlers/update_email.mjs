// Marks mail that comes from, or goes to, another domain: a disclaimer, a footer, and a tag in the subject.
import { field, textOf, withField, withText } from './mail.mjs';
import { domainOf, get, put } from './message_flow.mjs';

export function isInternal({ mailFrom, recipients }) {
  return recipients.every((one) => domainOf(one.address) === domainOf(mailFrom.address));
}

export function update(mail, key = '') {
  const { DISCLAIMER, FOOTER, SUBJECT_TAG } = process.env;
  const text = `${DISCLAIMER}\r\n${textOf(mail)}\r\n${FOOTER}\r\n`.replaceAll('{key}', key);
  return withText(withField(mail, 'Subject', `${SUBJECT_TAG} ${field(mail, 'Subject')}`), text);
}

export const handler = async (event) => {
  if (!isInternal(event.envelope)) await put(event.messageId, update(await get(event.messageId)));
  return { actions: [{ action: { type: 'DEFAULT' }, allRecipients: 'true' }] };
};
