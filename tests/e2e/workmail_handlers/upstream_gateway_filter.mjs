// Trusts the verdict that a gateway before us wrote into a header field.
import { field } from './mail.mjs';
import { get } from './message_flow.mjs';

export const handler = async (event) => {
  const { FILTER_HEADER_NAME, FILTER_HEADER_REGEX } = process.env;
  const value = event.flowDirection === 'INBOUND' ? field(await get(event.messageId), FILTER_HEADER_NAME) : null;
  const verdict = new RegExp(FILTER_HEADER_REGEX).test(value ?? '') ? 'MOVE_TO_JUNK' : 'BYPASS_SPAM_CHECK';
  return { actions: [{ allRecipients: true, action: { type: value === null ? 'DEFAULT' : verdict } }] };
};
