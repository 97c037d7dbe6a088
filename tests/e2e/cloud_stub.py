# SPDX-License-Identifier: Apache-2.0
"""A local HTTP endpoint that answers, on the wire, what functions written for WorkMail ask the cloud:
message content, S3, secrets, groups, translations, state machines, metrics and alarms, web hooks, a blog,
a customer register. It remembers each call, and answers out of plain fields that a test sets."""
import http.server
import json
import threading
import urllib.parse
import xmlrpc.client

MAIL = (b"From: from@domain.test\r\nTo: recipient1@domain.test\r\nSubject: Hello\r\n"
        b"Date: Sat, 21 Nov 2026 19:48:00 +0000\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nA text.\r\n")


class Cloud:
    """The endpoint; `reset()` gives it the state that it begins with."""

    def __init__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.cloud = self
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.lock = threading.Lock()
        self.reset()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def reset(self, **state):
        self.calls = []     # names of what was called, in order
        self.objects = {}   # bucket/key: octets
        self.content = MAIL
        self.replaced = None  # what the message was replaced by
        self.frozen = False
        self.members = []   # addresses in the restricted group
        self.cases = []     # ids of cases of a customer
        self.alarms = set()
        self.executions = {}
        self.output = None  # of an execution, once it has ended
        self.posts = []     # what a web hook or a blog was sent
        for name, value in state.items():
            assert hasattr(self, name), name
            setattr(self, name, value)

    # What is named by the header X-Amz-Target; each takes and returns JSON.
    def list_groups(self, _):
        return {"Groups": [{"Id": "g-1", "Name": "inside"}]}

    def list_group_members(self, _):
        return {"Members": [{"Id": str(place)} for place in range(len(self.members))]}

    def describe_user(self, asked):
        return {"Email": self.members[int(asked["UserId"])]}

    def get_secret_value(self, _):
        return {"SecretString": json.dumps({"username": "me", "password": "word", "token": "t", "url": self.url})}

    def translate_text(self, asked):
        return {"TranslatedText": asked["Text"].upper(), "SourceLanguageCode": "nl",
                "TargetLanguageCode": asked["TargetLanguageCode"]}

    def start_execution(self, asked):
        if asked["name"] in self.executions:
            raise Refusal(400, "ExecutionAlreadyExists")
        self.executions[asked["name"]] = asked["input"]
        return {"executionArn": "arn", "startDate": 0}

    def describe_execution(self, asked):
        ended = self.output is not None and asked["executionArn"].rpartition(":")[2] in self.executions
        return {"executionArn": asked["executionArn"], "stateMachineArn": "arn", "startDate": 0,
                **({"status": "SUCCEEDED", "output": json.dumps(self.output)} if ended else {"status": "RUNNING"})}


class Refusal(Exception):
    """An error that the service answers: its status and code."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, body=b"", kind="application/json", status=200, **fields):
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **fields}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def take(self):
        cloud = self.server.cloud
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = urllib.parse.urlsplit(self.path).path
        with cloud.lock:
            try:
                self.answer(cloud, path, body)
            except Refusal as refusal:
                status, code = refusal.args
                self.reply(json.dumps({"__type": code, "message": code}).encode(), status=status, x_amzn_ErrorType=code)

    do_GET = do_PUT = do_POST = take

    def answer(self, cloud, path, body):
        if "X-Amz-Target" in self.headers:
            operation = self.headers["X-Amz-Target"].rpartition(".")[2]
            name = "".join("_" + one.lower() if one.isupper() else one for one in operation).lstrip("_")
            cloud.calls.append(operation)
            self.reply(json.dumps(getattr(cloud, name)(json.loads(body))).encode(), "application/x-amz-json-1.1")
        elif path.startswith("/messages/"):
            self.answer_message(cloud, body)
        elif path == "/xmlrpc.php":
            cloud.calls.append("newPost")
            cloud.posts.append(xmlrpc.client.loads(body)[0])
            self.reply(xmlrpc.client.dumps((1,), methodresponse=True).encode(), "text/xml")
        elif path == "/room":
            cloud.calls.append("web hook")
            cloud.posts.append(json.loads(body))
            self.reply(b"{}")
        elif path == "/query":
            cloud.calls.append("query")
            self.reply(json.dumps({"records": [{"Id": one} for one in cloud.cases]}).encode())
        elif self.command == "PUT":
            cloud.calls.append("PutObject")
            cloud.objects[path.lstrip("/")] = body
            self.reply(ETag='"1"')
        else:
            self.answer_metric(cloud, urllib.parse.parse_qs(body.decode()))

    def answer_message(self, cloud, body):
        if self.command == "GET":
            cloud.calls.append("GetRawMessageContent")
            self.reply(cloud.content, "application/octet-stream")
            return
        cloud.calls.append("PutRawMessageContent")
        if cloud.frozen:
            raise Refusal(400, "MessageFrozen")
        place = json.loads(body)["content"]["s3Reference"]
        cloud.replaced = cloud.objects[f"{place['bucket']}/{place['key']}"]
        self.reply(b"{}")

    def answer_metric(self, cloud, asked):
        (action,) = asked["Action"]
        cloud.calls.append(action)
        state = "ALARM" if asked.get("AlarmNames.member.1", [""])[0] in cloud.alarms else "OK"
        alarm = f"<MetricAlarms><member><StateValue>{state}</StateValue></member></MetricAlarms>"
        result = f"<{action}Result>{alarm if action == 'DescribeAlarms' else ''}</{action}Result>"
        self.reply(f"<{action}Response>{result}</{action}Response>".encode(), "text/xml")
