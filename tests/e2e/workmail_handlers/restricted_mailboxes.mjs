// Keeps a group's mail inside: what its members write to others, or others to them, is bounced.
import { DescribeUserCommand, ListGroupMembersCommand, ListGroupsCommand, WorkMailClient } from '@aws-sdk/client-workmail';
import { domainOf } from './message_flow.mjs';

const TEXT = 'Sending e-mails to external domains is against company policy.';
const client = new WorkMailClient();

async function membersOf(name) {
  const OrganizationId = process.env.WORKMAIL_ORGANIZATION_ID;
  const { Groups } = await client.send(new ListGroupsCommand({ OrganizationId }));
  const GroupId = Groups.find((one) => one.Name === name).Id;
  const { Members } = await client.send(new ListGroupMembersCommand({ OrganizationId, GroupId }));
  const users = Members.map((one) => client.send(new DescribeUserCommand({ OrganizationId, UserId: one.Id })));
  return (await Promise.all(users)).map((one) => one.Email.toLowerCase());
}

export const handler = async (event) => {
  const restricted = await membersOf(process.env.RESTRICTED_GROUP_NAME);
  const isRestricted = (address) => restricted.includes(address.toLowerCase());
  const sender = event.envelope.mailFrom.address;
  const outbound = event.flowDirection === 'OUTBOUND';
  const refused = event.envelope.recipients.map((one) => one.address)
    .filter((one) => isRestricted(outbound ? sender : one) && domainOf(one) !== domainOf(sender));
  if (refused.length === 0) return { actions: [{ allRecipients: true, action: { type: 'DEFAULT' } }] };
  const bounce = { type: 'BOUNCE', ...(outbound && { parameters: { bounceMessage: TEXT } }) };
  const report = [process.env.REPORT_MAILBOX_ADDRESS].filter(Boolean);
  return { actions: [{ recipients: refused, action: bounce },
    { recipients: report, allRecipients: true, action: { type: 'DEFAULT' } }] };
};
