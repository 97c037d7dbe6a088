"""Python: google.protobuf.json_format. Arguments: descriptor set, folder, count of events."""
import json
import pathlib
import sys

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory


# adapter
def workmail_event(event):
    given = json_format.MessageToDict(event)
    envelope = given["envelope"]
    return {
        "summaryVersion": given["summaryVersion"],
        "envelope": {"mailFrom": {"address": envelope["mailFrom"].get("address", "")},
                     "recipients": envelope.get("recipients", [])},
        "truncated": given.get("truncated", False),
        "sender": given.get("sender"),
        "subject": given.get("subject"),
        "messageId": given["messageId"],
        "invocationId": given["invocationId"],
        "flowDirection": given["flowDirection"],
    }
# end


def main():
    files = descriptor_pb2.FileDescriptorSet.FromString(pathlib.Path(sys.argv[1]).read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    event_class = message_factory.MessageFactory(pool).GetPrototype(pool.FindMessageTypeByName("penstock.v1.Event"))
    folder = pathlib.Path(sys.argv[2])
    for number in range(int(sys.argv[3])):
        event = event_class.FromString((folder / f"{number}.pb").read_bytes())
        (folder / f"{number}.python.standard.json").write_text(
            json_format.MessageToJson(event, indent=None), encoding="utf-8")
        (folder / f"{number}.python.adapted.json").write_text(
            json.dumps(workmail_event(event)), encoding="utf-8")


if __name__ == "__main__":
    main()
