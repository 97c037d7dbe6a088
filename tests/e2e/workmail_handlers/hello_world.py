"""Puts words before the subject, and keeps the changed mail in a bucket; changes nothing in transit."""
import email
import os
import uuid
from email import policy

import boto3


def lambda_handler(event, context):
    bucket = os.environ.get("UPDATED_EMAIL_S3_BUCKET")
    if not bucket:
        print("UPDATED_EMAIL_S3_BUCKET is not set")
        return None
    raw = boto3.client("workmailmessageflow").get_raw_message_content(messageId=event["messageId"])
    mail = email.message_from_bytes(raw["messageContent"].read(), policy=policy.SMTP)
    mail.replace_header("Subject", f"[Hello World!] {mail['Subject']}")
    boto3.client("s3").put_object(Bucket=bucket, Key=str(uuid.uuid4()), Body=mail.as_bytes())
    return {"actions": [{"allRecipients": True, "action": {"type": "DEFAULT"}}]}
