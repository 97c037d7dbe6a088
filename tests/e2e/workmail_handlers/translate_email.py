"""Appends a translation to the text and to the subject."""
import email
import os
from email import policy

import boto3
from update_email import put


def translate(text):
    return boto3.client("translate").translate_text(
        Text=text, SourceLanguageCode="auto", TargetLanguageCode=os.environ["DESTINATION_LANGUAGE"])["TranslatedText"]


def lambda_handler(event, context):
    flow = boto3.client("workmailmessageflow")
    raw = flow.get_raw_message_content(messageId=event["messageId"])["messageContent"].read()
    mail = email.message_from_bytes(raw, policy=policy.SMTP)
    subject = f"{mail['Subject']} | {translate(mail['Subject'])}"
    del mail["Subject"]
    mail["Subject"] = subject
    body = mail.get_body(("plain",))
    text = body.get_content()
    body.set_content(f"{text}\n{translate(text)}")
    put(flow, event["messageId"], mail)
    return {"actions": [{"action": {"type": "DEFAULT"}, "allRecipients": "true"}]}
