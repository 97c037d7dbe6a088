// Tells a chat room of mail whose subject has one of some words. For an ASYNC rule.
import { textOf } from './mail.mjs';
import { get } from './message_flow.mjs';

const BODY_MAX = 1024; // characters

export const handler = async (event) => {
  const words = process.env.ACTIVE_WORDS.split(',').map((word) => word.trim().toLowerCase());
  const subject = (event.subject ?? '').toLowerCase().split(/\s+/);
  if (!words.some((word) => subject.includes(word))) return;
  const text = textOf(await get(event.messageId)).slice(0, BODY_MAX);
  const field = { slack: 'text', chime: 'Content' }[process.env.CHAT_CLIENT.toLowerCase()];
  const told = await fetch(process.env.WEBHOOK_URL, {
    method: 'POST', headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ [field]: `${event.envelope.mailFrom.address}: ${event.subject}\n${text}` }) });
  if (!told.ok) throw new Error(`the room: ${told.status}`);
};
