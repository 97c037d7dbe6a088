"""Makes a blog post of mail whose subject asks for it. For an ASYNC rule."""
import email
import json
import os
import xmlrpc.client
from email import policy

import boto3

MARK = "[Blog Submission]"


def lambda_handler(event, context):
    if not (event["subject"] or "").startswith(MARK):
        return
    secret = boto3.client("secretsmanager").get_secret_value(SecretId=os.environ["SECRET_ID"])
    login = json.loads(secret["SecretString"])
    raw = boto3.client("workmailmessageflow").get_raw_message_content(messageId=event["messageId"])
    mail = email.message_from_bytes(raw["messageContent"].read(), policy=policy.SMTP)
    with xmlrpc.client.ServerProxy(f"{os.environ['BLOG_DOMAIN']}/xmlrpc.php") as blog:
        blog.wp.newPost(1, login["username"], login["password"], {
            "post_title": event["subject"][len(MARK):].strip(), "post_content": mail.get_body(("plain",)).get_content()})
