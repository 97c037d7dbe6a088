"""Finds the case of a correspondent, and puts its number before the subject."""
import email
import json
import os
import urllib.parse
import urllib.request
from email import policy

import boto3
from update_email import put


def case_of(address):
    secret = boto3.client("secretsmanager").get_secret_value(SecretId=os.environ["SF_SECRET_NAME"])
    login = json.loads(secret["SecretString"])
    query = urllib.parse.urlencode({"q": f"SELECT Id FROM Case WHERE ContactEmail = '{address}'"})
    request = urllib.request.Request(f"{login['url']}/query?{query}", headers={"Authorization": "Bearer " + login["token"]})
    with urllib.request.urlopen(request) as reply:
        records = json.load(reply)["records"]
    return records[0]["Id"] if records else None


def lambda_handler(event, context):
    case = case_of(event["envelope"]["recipients"][0]["address"])
    if case:
        flow = boto3.client("workmailmessageflow")
        raw = flow.get_raw_message_content(messageId=event["messageId"])["messageContent"].read()
        mail = email.message_from_bytes(raw, policy=policy.SMTP)
        subject = mail["Subject"]
        del mail["Subject"]
        mail["Subject"] = f"[CaseId:{case}] {subject}"
        put(flow, event["messageId"], mail)
    return {"actions": [{"allRecipients": True, "action": {"type": "DEFAULT"}}]}
