"""Keeps a group's mail inside: what its members write to others, or others to them, is bounced."""
import os

import boto3

TEXT = "Sending e-mails to external domains is against company policy."


def domain_of(address):
    return address.rpartition("@")[2].lower()


def members():
    client = boto3.client("workmail")
    organization = os.environ["WORKMAIL_ORGANIZATION_ID"]
    groups = client.list_groups(OrganizationId=organization)["Groups"]
    group = next(one for one in groups if one["Name"] == os.environ["RESTRICTED_GROUP_NAME"])
    listed = client.list_group_members(OrganizationId=organization, GroupId=group["Id"])["Members"]
    return {client.describe_user(OrganizationId=organization, UserId=one["Id"])["Email"].lower() for one in listed}


def lambda_handler(event, context):
    restricted = members()
    sender = event["envelope"]["mailFrom"]["address"]
    recipients = [one["address"] for one in event["envelope"]["recipients"]]
    outbound = event["flowDirection"] == "OUTBOUND"
    if outbound:
        refused = [one for one in recipients if sender.lower() in restricted and domain_of(one) != domain_of(sender)]
    else:
        refused = [one for one in recipients if one.lower() in restricted and domain_of(one) != domain_of(sender)]
    if not refused:
        return {"actions": [{"allRecipients": True, "action": {"type": "DEFAULT"}}]}
    bounce = {"type": "BOUNCE", **({"parameters": {"bounceMessage": TEXT}} if outbound else {})}
    report = os.environ.get("REPORT_MAILBOX_ADDRESS", "")
    return {"actions": [{"recipients": refused, "action": bounce},
                        {"recipients": [report] if report else [], "allRecipients": True, "action": {"type": "DEFAULT"}}]}
