"""Bounces mail to addresses that get too much of it: counts each in a metric, and asks its alarm."""
import os

import boto3


def in_alarm(address):
    client = boto3.client("cloudwatch")
    client.put_metric_data(Namespace="MailStorm", MetricData=[{"MetricName": address, "Value": 1}])
    found = client.describe_alarms(AlarmNames=[address])["MetricAlarms"]
    return any(one["StateValue"] == "ALARM" for one in found)


def lambda_handler(event, context):
    guarded = {one.strip().lower() for one in os.environ["PROTECTED_ADDRESSES"].split(",")}
    received = [one["address"] for one in event["envelope"]["recipients"] if one["address"].lower() in guarded]
    rest = {"allRecipients": True, "action": {"type": "DEFAULT"}}
    if not received:
        return {"actions": [rest]}
    return {"actions": [{"recipients": [one for one in received if in_alarm(one)], "action": {"type": "BOUNCE"}}, rest]}
