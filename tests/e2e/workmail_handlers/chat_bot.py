"""Tells a chat room of mail whose subject has one of some words. For an ASYNC rule."""
import email
import json
import os
import urllib.request
from email import policy

import boto3

BODY_MAX = 1024  # characters


def lambda_handler(event, context):
    words = {word.strip().lower() for word in os.environ["ACTIVE_WORDS"].split(",")}
    if not words & set((event["subject"] or "").lower().split()):
        return
    raw = boto3.client("workmailmessageflow").get_raw_message_content(messageId=event["messageId"])
    mail = email.message_from_bytes(raw["messageContent"].read(), policy=policy.SMTP)
    text = f"{event['envelope']['mailFrom']['address']}: {event['subject']}\n{mail.get_body(('plain',)).get_content()[:BODY_MAX]}"
    field = {"slack": "text", "chime": "Content"}[os.environ["CHAT_CLIENT"].lower()]
    urllib.request.urlopen(urllib.request.Request(
        os.environ["WEBHOOK_URL"], json.dumps({field: text}).encode(), {"Content-Type": "application/json"})).close()
