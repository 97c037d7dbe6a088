// Bounces mail to addresses that get too much of it: counts each in a metric, and asks its alarm.
'use strict';

const protectedAddresses = process.env.PROTECTED_ADDRESSES.split(',').map((one) => one.trim().toLowerCase());

async function cloudWatch(parameters) {
  const reply = await fetch(process.env.AWS_ENDPOINT_URL, {
    method: 'POST', body: new URLSearchParams({ Version: '2010-08-01', ...parameters }) });
  if (!reply.ok) throw new Error(`CloudWatch: ${reply.status}`);
  return reply.text();
}

async function inAlarm(address) {
  await cloudWatch({ Action: 'PutMetricData', Namespace: 'MailStorm', 'MetricData.member.1.MetricName': address,
    'MetricData.member.1.Value': '1' });
  return /<StateValue>ALARM</.test(await cloudWatch({ Action: 'DescribeAlarms', 'AlarmNames.member.1': address }));
}

exports.handler = async (event) => {
  const recipients = event.envelope.recipients.map((one) => one.address);
  const guarded = recipients.filter((one) => protectedAddresses.includes(one.toLowerCase()));
  const rest = { allRecipients: true, action: { type: 'DEFAULT' } };
  if (guarded.length === 0) return { actions: [rest] };
  const alarms = await Promise.all(guarded.map(inAlarm));
  return { actions: [{ recipients: guarded.filter((_, i) => alarms[i]), action: { type: 'BOUNCE' } }, rest] };
};
