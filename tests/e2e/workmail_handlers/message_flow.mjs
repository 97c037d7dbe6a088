// Reads and replaces a message's content, as WorkMail has it.
import { randomUUID } from 'node:crypto';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetRawMessageContentCommand, PutRawMessageContentCommand, WorkMailMessageFlowClient }
  from '@aws-sdk/client-workmailmessageflow';

const flow = new WorkMailMessageFlowClient();
const store = new S3Client();

export const domainOf = (address) => address.slice(address.lastIndexOf('@') + 1).toLowerCase();

export async function get(messageId) {
  const { messageContent } = await flow.send(new GetRawMessageContentCommand({ messageId }));
  return messageContent.transformToString();
}

export async function keep(bucket, key, text) {
  await store.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: text }));
}

export async function put(messageId, mail) {
  const s3Reference = { bucket: process.env.UPDATED_EMAIL_BUCKET, key: randomUUID() };
  await keep(s3Reference.bucket, s3Reference.key, mail);
  try {
    await flow.send(new PutRawMessageContentCommand({ messageId, content: { s3Reference } }));
  } catch (error) {
    if (error.name !== 'MessageFrozen') throw error;
    console.log(`message ${messageId} may not be changed any more`);
  }
}
