// Finds the case of a correspondent, and puts its number before the subject.
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { field, withField } from './mail.mjs';
import { get, put } from './message_flow.mjs';

async function caseOf(address) {
  const secret = await new SecretsManagerClient().send(new GetSecretValueCommand({ SecretId: process.env.SF_SECRET_NAME }));
  const { url, token } = JSON.parse(secret.SecretString);
  const query = new URLSearchParams({ q: `SELECT Id FROM Case WHERE ContactEmail = '${address}'` });
  const reply = await fetch(`${url}/query?${query}`, { headers: { Authorization: `Bearer ${token}` } });
  if (!reply.ok) throw new Error(`the register: ${reply.status}`);
  return (await reply.json()).records[0]?.Id;
}

export const handler = async (event) => {
  const found = await caseOf(event.envelope.recipients[0].address);
  if (found) {
    const mail = await get(event.messageId);
    await put(event.messageId, withField(mail, 'Subject', `[CaseId:${found}] ${field(mail, 'Subject')}`));
  }
  return { actions: [{ allRecipients: true, action: { type: 'DEFAULT' } }] };
};
