"""Marks mail that comes from, or goes to, another domain: a disclaimer, a footer, and a tag in the subject."""
import email
import os
import uuid
from email import policy

import boto3
from botocore.exceptions import ClientError


def domain_of(address):
    return address.rpartition("@")[2].lower()


def lambda_handler(event, context):
    envelope = event["envelope"]
    if {domain_of(envelope["mailFrom"]["address"])} != {domain_of(one["address"]) for one in envelope["recipients"]}:
        flow = boto3.client("workmailmessageflow")
        raw = flow.get_raw_message_content(messageId=event["messageId"])["messageContent"].read()
        put(flow, event["messageId"], update(raw))
    return {"actions": [{"action": {"type": "DEFAULT"}, "allRecipients": "true"}]}


def update(raw, key=""):
    mail = email.message_from_bytes(raw, policy=policy.SMTP)
    subject = mail["Subject"]
    del mail["Subject"]
    mail["Subject"] = f"{os.environ['SUBJECT_TAG']} {subject}"
    body = mail.get_body(("plain",))
    text = f"{os.environ['DISCLAIMER']}\n{body.get_content()}\n{os.environ['FOOTER']}".replace("{key}", key)
    body.set_content(text)
    return mail


def put(flow, message, mail):
    bucket, key = os.environ["UPDATED_EMAIL_BUCKET"], str(uuid.uuid4())
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=mail.as_bytes())
    try:
        flow.put_raw_message_content(messageId=message, content={"s3Reference": {"bucket": bucket, "key": key}})
    except ClientError as error:
        if error.response["Error"]["Code"] != "MessageFrozen":
            raise
        print(f"message {message} may not be changed any more")
