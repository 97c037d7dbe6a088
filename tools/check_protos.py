#!/usr/bin/env python3
"""Checks the contract, proto/penstock/v1: its form, its comments, and that it breaks nobody.

Usage: check_protos.py [--update [--breaking]] [ROOT]
  --update    adds what is new to tests/data/proto/v1.descriptor.txt, the shape that was promised
  --breaking  with --update: gives up promises as well; before the first release only
Prints FILE:LINE: what; exits 1 if anything is refused. Needs protoc and Debian's python3-protobuf.
What is promised, and why: proto/README.md.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

from google.protobuf import descriptor_pb2

PACKAGE = "penstock.v1"
FOLDER = "proto/penstock/v1"
SNAPSHOT = "tests/data/proto/v1.descriptor.txt"

Field = descriptor_pb2.FieldDescriptorProto
SCALAR = {value: name[len("TYPE_"):].lower() for name, value in Field.Type.items()}
WHOLE_NUMBERS = {Field.TYPE_INT32, Field.TYPE_INT64, Field.TYPE_UINT32, Field.TYPE_UINT64}
TIMESTAMP, DURATION = ".google.protobuf.Timestamp", ".google.protobuf.Duration"

SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*\Z")
PASCAL = re.compile(r"(?!.*[A-Z]{3})[A-Z][A-Za-z0-9]*\Z")  # no acronym in capitals
UPPER = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*\Z")
BARE_DURATION = re.compile(r"_(milliseconds|millis|ms|seconds|secs|minutes|mins|hours|days)\Z")
POINT_IN_TIME = re.compile(r"(\A|_)time\Z")
SPAN = re.compile(r"(\A|_)(deadline|timeout|duration|interval|retention|expiry|backoff_first|backoff_max)\Z")
CONTENT = re.compile(r"(\A|_)(content|data|raw|json|capability)\Z")
BEHAVIOUR = re.compile(r"\b(REQUIRED|OUTPUT_ONLY|IMMUTABLE)\b")
SENTENCE_END = (".", ":", "…")
NO_PLURAL = {"history"}  # repeated, and a plural already


def read(root):
    """Returns the FileDescriptorProtos of the contract, with their comments."""
    folder = pathlib.Path(root) / "proto"
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.proto"))
    if not names:
        raise SystemExit(f"protos: no .proto below {folder}")
    with tempfile.TemporaryDirectory() as out:
        target = pathlib.Path(out) / "set"
        done = subprocess.run(["protoc", "-I", str(folder), "--include_source_info", "-o", str(target), *names],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit("protos: protoc refuses them:\n" + done.stderr)
        files = descriptor_pb2.FileDescriptorSet.FromString(target.read_bytes())
    return list(files.file)


class Source:
    """Lines and comments of one file, by descriptor path."""

    def __init__(self, file):
        self._at = {tuple(place.path): place for place in file.source_code_info.location}
        self.name = "proto/" + file.name

    def line(self, path):
        place = self._at.get(tuple(path))
        return place.span[0] + 1 if place else 1

    def comment(self, path):
        place = self._at.get(tuple(path))
        return " ".join(place.leading_comments.split()) if place else ""


class Lint:
    """The faults of one file. Paths count as in descriptor.proto: 4 messages, 5 enums, 6 services."""

    def __init__(self, file, messages):
        self.file, self.source, self.messages, self.found = file, Source(file), messages, []
        self.gotten = {method.output_type for service in file.service for method in service.method
                       if method.name.startswith("Get")}

    def fault(self, path, what):
        self.found.append(f"{self.source.name}:{self.source.line(path)}: {what}")

    def commented(self, path, what):
        comment = self.source.comment(path)
        if not comment:
            self.fault(path, f"{what} has no comment before it")
        elif not comment.endswith(SENTENCE_END):
            self.fault(path, f"the comment of {what} is no sentence: \"…{comment[-30:]}\"")
        return comment

    def run(self):
        file = self.file
        if file.syntax != "proto3" or file.package != PACKAGE:
            self.fault((), f"expected syntax proto3 and package {PACKAGE}")
        if not re.fullmatch(r"penstock/v1/[a-z_]+\.proto", file.name):
            self.fault((), f"expected a place in {FOLDER} and a name in lower_snake_case")
        if not file.options.go_package or not file.options.java_package:
            self.fault((), "go_package or java_package is missing")
        for i, service in enumerate(file.service):
            self.service((6, i), service)
        for i, enum in enumerate(file.enum_type):
            self.fault((5, i), f"enum {enum.name} stands outside of a message: its words could not be bare (E7)")
        for i, message in enumerate(file.message_type):
            self.message((4, i), message)
        return self.found

    def message(self, path, message):
        if message.options.map_entry:
            return
        self.commented(path, f"message {message.name}")
        if not PASCAL.match(message.name):
            self.fault(path, f"message {message.name} is not in PascalCase")
        self.numbers(path, message)
        for i, field in enumerate(message.field):
            self.field(path + (2, i), message, field)
        synthetic = {field.oneof_index for field in message.field if field.proto3_optional}
        for i, oneof in enumerate(message.oneof_decl):
            if i not in synthetic:
                self.commented(path + (8, i), f"oneof {oneof.name}")
        for i, nested in enumerate(message.nested_type):
            self.message(path + (3, i), nested)
        for i, enum in enumerate(message.enum_type):
            self.enum(path + (4, i), enum)

    def numbers(self, path, message):
        taken = {field.number for field in message.field}
        for span in message.reserved_range:
            taken.update(range(span.start, span.end))
        missing = sorted(set(range(1, max(taken, default=0) + 1)) - taken)
        if missing:
            self.fault(path, f"message {message.name} neither uses nor reserves number {missing[0]}")

    def field(self, path, message, field):
        name, repeated = field.name, field.label == Field.LABEL_REPEATED
        comment = self.commented(path, f"field {name}")
        behaviour = BEHAVIOUR.search(comment)
        if behaviour and behaviour.start() != 0:
            self.fault(path, f"field {name}: {behaviour.group(1)} is not the first word of its comment")
        if not SNAKE.match(name):
            self.fault(path, f"field {name} is not in lower_snake_case")
        if BARE_DURATION.search(name) and field.type in WHOLE_NUMBERS:
            self.fault(path, f"field {name} is a bare number: use google.protobuf.Duration")
        if POINT_IN_TIME.search(name) and field.type_name != TIMESTAMP:
            self.fault(path, f"field {name} is a point in time: use google.protobuf.Timestamp")
        if SPAN.search(name) and field.type_name not in (TIMESTAMP, DURATION):
            self.fault(path, f"field {name} is a time: use google.protobuf.Duration or Timestamp")
        if CONTENT.search(name) and field.type == Field.TYPE_STRING:
            self.fault(path, f"field {name} carries octets: use bytes")
        if repeated and not name.endswith("s") and name not in NO_PLURAL:
            self.fault(path, f"field {name} is repeated: its name is a plural")
        resource = any(other.name == "etag" for other in message.field) and not message.name.endswith("Request")
        if resource and name == "name" and not comment.startswith(("IMMUTABLE", "OUTPUT_ONLY")):
            self.fault(path, f"field name of resource {message.name}: its comment begins with IMMUTABLE or OUTPUT_ONLY")

    def enum(self, path, enum):
        self.commented(path, f"enum {enum.name}")
        if not PASCAL.match(enum.name):
            self.fault(path, f"enum {enum.name} is not in PascalCase")
        zero = enum.value[0]
        if zero.number != 0 or not re.fullmatch(r"([A-Z_]+_)?UNSPECIFIED", zero.name):
            self.fault(path, f"enum {enum.name}: the first value is UNSPECIFIED = 0")
        for i, value in enumerate(enum.value):
            self.commented(path + (2, i), f"value {value.name}")
            if not UPPER.match(value.name):
                self.fault(path + (2, i), f"value {value.name} is not in UPPER_SNAKE_CASE")
            if value.name.startswith(re.sub(r"(?<!^)([A-Z])", r"_\1", enum.name).upper() + "_") and i > 0:
                self.fault(path + (2, i), f"value {value.name} repeats the enum's name: words are bare (E7)")

    def service(self, path, service):
        self.commented(path, f"service {service.name}")
        if not service.name.endswith("Service"):
            self.fault(path, f"service {service.name} does not end in Service")
        for i, method in enumerate(service.method):
            self.method(path + (2, i), method)

    def method(self, path, method):
        self.commented(path, f"rpc {method.name}")
        if not PASCAL.match(method.name):
            self.fault(path, f"rpc {method.name} is not in PascalCase")
        request, response = method.input_type.split(".")[-1], method.output_type.split(".")[-1]
        if request != method.name + "Request":
            self.fault(path, f"rpc {method.name} takes {request}: expected {method.name}Request")
        if method.client_streaming or method.server_streaming:
            if response != method.name + "Response":
                self.fault(path, f"rpc {method.name} returns {response}: expected {method.name}Response")
            return
        kind = re.match(r"(Get|List|Create|Update|Delete)(?=[A-Z])", method.name)
        if kind:
            self.standard_method(path, method, kind.group(1), method.name[kind.end():], response)
        elif response != method.name + "Response" and not self.is_resource(method.output_type):
            self.fault(path, f"rpc {method.name} returns {response}: expected {method.name}Response or a resource")

    def is_resource(self, type_name):
        """Whether it has an etag, or a Get method returns it."""
        return type_name in self.gotten or any(field.name == "etag" for field in self.fields(type_name))

    def fields(self, type_name):
        message = self.messages.get(type_name)
        return message.field if message else ()

    def standard_method(self, path, method, kind, noun, response):
        """AIP-131 to AIP-135."""
        request = {field.name: field for field in self.fields(method.input_type)}
        returned = {field.name: field for field in self.fields(method.output_type)}

        def expect(held, what):
            if not held:
                self.fault(path, f"rpc {method.name}: expected {what}")

        def has(name, *types):
            return name in request and (request[name].type in types or request[name].type_name in types)

        snake = re.sub(r"(?<!^)([A-Z])", r"_\1", noun).lower()
        if kind == "List":
            expect(response == method.name + "Response", f"{method.name}Response as response")
            expect(has("page_size", Field.TYPE_INT32) and has("page_token", Field.TYPE_STRING),
                   "int32 page_size and string page_token in the request")
            expect("next_page_token" in returned, "next_page_token in the response")
            expect(any(field.label == Field.LABEL_REPEATED and field.number == 1 for field in returned.values()),
                   "the rows as field 1 of the response")
            return
        if kind == "Delete":
            expect(method.output_type == ".google.protobuf.Empty", "google.protobuf.Empty as response")
            expect(has("name", Field.TYPE_STRING) and has("etag", Field.TYPE_STRING), "name and etag in the request")
            return
        expect(response == noun, f"{noun} as response")
        if kind == "Get":
            expect(not request or has("name", Field.TYPE_STRING), "string name in the request")
        else:
            expect(has(snake, method.output_type), f"{noun} {snake} in the request")
        if kind == "Create":
            expect(has(snake + "_id", Field.TYPE_STRING), f"string {snake}_id in the request")
        if kind == "Update":
            expect(has("update_mask", ".google.protobuf.FieldMask"), "FieldMask update_mask in the request")
            expect("etag" in returned, f"etag in {noun}")


def messages_of(files):
    """Returns every message by its full name, with a dot before it."""
    found = {}

    def add(prefix, message):
        found[f"{prefix}.{message.name}"] = message
        for nested in message.nested_type:
            add(f"{prefix}.{message.name}", nested)

    for file in files:
        for message in file.message_type:
            add("." + file.package, message)
    return found


def type_text(field):
    text = field.type_name.lstrip(".") or SCALAR[field.type]
    if field.label == Field.LABEL_REPEATED:
        return "repeated " + text
    return "optional " + text if field.proto3_optional else text


def shape(files):
    """Returns what others rely on, one line for each thing, sorted: numbers, names, types, JSON names."""
    lines = []

    def enum_lines(prefix, enum):
        for value in enum.value:
            lines.append(f"enum {prefix}.{enum.name} {value.number} {value.name}")

    def message_lines(prefix, message):
        name = f"{prefix}.{message.name}"
        lines.append(f"message {name}")
        for field in message.field:
            line = f"field {name} {field.number} {field.name} {type_text(field)} json={field.json_name}"
            if field.HasField("oneof_index") and not field.proto3_optional:
                line += f" oneof={message.oneof_decl[field.oneof_index].name}"
            lines.append(line)
        for span in message.reserved_range:
            lines.extend(f"reserved {name} {number}" for number in range(span.start, span.end))
        for nested in message.nested_type:
            message_lines(name, nested)
        for enum in message.enum_type:
            enum_lines(name, enum)

    for file in files:
        for service in file.service:
            for method in service.method:
                lines.append("rpc {}.{}/{} {}{} {}{}".format(
                    file.package, service.name, method.name,
                    "stream " if method.client_streaming else "", method.input_type.lstrip("."),
                    "stream " if method.server_streaming else "", method.output_type.lstrip(".")))
        for message in file.message_type:
            message_lines(file.package, message)
        for enum in file.enum_type:
            enum_lines(file.package, enum)
    return sorted(lines)


def promised(root):
    path = pathlib.Path(root) / SNAPSHOT
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def faults(root):
    files = read(root)
    messages = messages_of(files)
    for file in files:
        yield from Lint(file, messages).run()
    now, then = set(shape(files)), set(promised(root))
    for line in sorted(then - now):
        yield f"{SNAPSHOT}:1: breaks a promise: gone or changed: {line}"
    for line in sorted(now - then):
        yield f"{SNAPSHOT}:1: not there yet: {line} (tools/check_protos.py --update)"


def update(root, breaking):
    now, then = shape(read(root)), promised(root)
    gone = sorted(set(then) - set(now))
    if gone and not breaking:
        print("\n".join(f"breaks a promise: {line}" for line in gone))
        print("protos: nothing written; --breaking gives these promises up")
        return 1
    path = pathlib.Path(root) / SNAPSHOT
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(now) + "\n", encoding="utf-8")
    print(f"protos: {SNAPSHOT} has {len(now)} lines, {len(set(now) - set(then))} of them new, {len(gone)} gone")
    return 0


def main():
    arguments = sys.argv[1:]
    options = {argument for argument in arguments if argument.startswith("-")}
    roots = [argument for argument in arguments if not argument.startswith("-")]
    if options - {"--update", "--breaking"} or len(roots) > 1 or options == {"--breaking"}:
        print(__doc__)
        return 0 if options & {"-h", "--help"} else 2
    root = roots[0] if roots else pathlib.Path(__file__).resolve().parents[1]
    if "--update" in options:
        return update(root, "--breaking" in options)
    found = list(faults(root))
    print("\n".join(found) if found else "protos: ok")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
