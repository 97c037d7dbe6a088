"""Says what it was given."""
import json


def lambda_handler(event, context):
    if event["subject"] == "fail":
        raise RuntimeError("not yet")
    in_time = 0 < context.get_remaining_time_in_millis() <= 15500  # gRPC may round 15 s up
    given = {"event": event, "id": context.aws_request_id, "function": context.function_name, "in time": in_time,
             "may read": context.request.content.may_read}
    return {"actions": [{"allRecipients": True, "action": {
        "type": "BOUNCE", "parameters": {"bounceMessage": json.dumps(given)}}}]}
