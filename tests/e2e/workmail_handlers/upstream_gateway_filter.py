"""Trusts the verdict that a gateway before us wrote into a header field."""
import email
import os
import re

import boto3


def lambda_handler(event, context):
    kind = "DEFAULT"
    if event["flowDirection"] == "INBOUND":
        raw = boto3.client("workmailmessageflow").get_raw_message_content(messageId=event["messageId"])
        value = email.message_from_bytes(raw["messageContent"].read())[os.environ["FILTER_HEADER_NAME"]]
        if value is not None:
            kind = "MOVE_TO_JUNK" if re.search(os.environ["FILTER_HEADER_REGEX"], value) else "BYPASS_SPAM_CHECK"
    return {"actions": [{"allRecipients": True, "action": {"type": kind}}]}
