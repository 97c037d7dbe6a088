// Bounces mail to addresses that get too much of it: counts each in a metric, and asks its alarm.
'use strict';

const { CloudWatchClient, DescribeAlarmsCommand, PutMetricDataCommand } = require('@aws-sdk/client-cloudwatch');

const protectedAddresses = process.env.PROTECTED_ADDRESSES.split(',').map((one) => one.trim().toLowerCase());
const client = new CloudWatchClient();

async function inAlarm(address) {
  await client.send(new PutMetricDataCommand({ Namespace: 'MailStorm', MetricData: [{ MetricName: address, Value: 1 }] }));
  const { MetricAlarms } = await client.send(new DescribeAlarmsCommand({ AlarmNames: [address] }));
  return MetricAlarms.some((one) => one.StateValue === 'ALARM');
}

exports.handler = async (event) => {
  const recipients = event.envelope.recipients.map((one) => one.address);
  const guarded = recipients.filter((one) => protectedAddresses.includes(one.toLowerCase()));
  const rest = { allRecipients: true, action: { type: 'DEFAULT' } };
  if (guarded.length === 0) return { actions: [rest] };
  const alarms = await Promise.all(guarded.map(inAlarm));
  return { actions: [{ recipients: guarded.filter((_, i) => alarms[i]), action: { type: 'BOUNCE' } }, rest] };
};
