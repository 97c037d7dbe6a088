// Makes a blog post of mail whose subject asks for it. For an ASYNC rule.
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { textOf } from './mail.mjs';
import { get } from './message_flow.mjs';

const MARK = '[Blog Submission]';

const string = (text) => `<string>${text.replace(/[&<>]/g, (one) => `&#${one.charCodeAt(0)};`)}</string>`;

export const handler = async (event) => {
  if (!(event.subject ?? '').startsWith(MARK)) return;
  const secret = await new SecretsManagerClient().send(new GetSecretValueCommand({ SecretId: process.env.SECRET_ID }));
  const { username, password } = JSON.parse(secret.SecretString);
  const post = { post_title: event.subject.slice(MARK.length).trim(), post_content: textOf(await get(event.messageId)) };
  const members = Object.entries(post).map(([name, text]) => `<member><name>${name}</name><value>${string(text)}</value></member>`);
  const values = ['<int>1</int>', string(username), string(password), `<struct>${members.join('')}</struct>`];
  const parameters = values.map((value) => `<param><value>${value}</value></param>`);
  const posted = await fetch(`${process.env.BLOG_DOMAIN}/xmlrpc.php`, {
    method: 'POST', headers: { 'Content-Type': 'text/xml' },
    body: `<methodCall><methodName>wp.newPost</methodName><params>${parameters.join('')}</params></methodCall>` });
  if (!posted.ok || (await posted.text()).includes('<fault>')) throw new Error(`the blog: ${posted.status}`);
};
