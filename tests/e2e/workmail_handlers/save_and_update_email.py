"""Keeps each mail and its event in a bucket, and marks mail, inside or across domains, with the key."""
import json
import os

import boto3
from update_email import domain_of, put, update


def lambda_handler(event, context):
    flow = boto3.client("workmailmessageflow")
    raw = flow.get_raw_message_content(messageId=event["messageId"])["messageContent"].read()
    key = event["invocationId"]
    saved = boto3.client("s3")
    saved.put_object(Bucket=os.environ["SAVED_EMAIL_BUCKET"], Key=f"{key}.eml", Body=raw)
    saved.put_object(Bucket=os.environ["SAVED_EMAIL_BUCKET"], Key=f"{key}.json", Body=json.dumps(event).encode())
    envelope = event["envelope"]
    internal = ({domain_of(envelope["mailFrom"]["address"])}
                == {domain_of(one["address"]) for one in envelope["recipients"]})
    if os.environ["UPDATE_INTERNAL_MESSAGES" if internal else "UPDATE_EXTERNAL_MESSAGES"].lower() == "true":
        mail = update(raw, key)
        mail["WorkMailMessageKey"] = key
        put(flow, event["messageId"], mail)
    return {"actions": [{"action": {"type": "DEFAULT"}, "allRecipients": "true"}]}
