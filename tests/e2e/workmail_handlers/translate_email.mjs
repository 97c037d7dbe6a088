// Appends a translation to the text and to the subject.
import { TranslateClient, TranslateTextCommand } from '@aws-sdk/client-translate';
import { field, textOf, withField, withText } from './mail.mjs';
import { get, put } from './message_flow.mjs';

const client = new TranslateClient();

async function translate(text) {
  const { TranslatedText } = await client.send(new TranslateTextCommand({
    Text: text, SourceLanguageCode: 'auto', TargetLanguageCode: process.env.DESTINATION_LANGUAGE }));
  return TranslatedText;
}

export const handler = async (event) => {
  const mail = await get(event.messageId);
  const subject = field(mail, 'Subject');
  const renamed = withField(mail, 'Subject', `${subject} | ${await translate(subject)}`);
  await put(event.messageId, withText(renamed, `${textOf(mail)}\r\n${await translate(textOf(mail))}`));
  return { actions: [{ action: { type: 'DEFAULT' }, allRecipients: 'true' }] };
};
