import contextlib
import io
import unittest

import planted

protos = planted.load("check_protos")

HEAD = """syntax = "proto3";
package penstock.v1;
import "google/protobuf/duration.proto";
import "google/protobuf/empty.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/timestamp.proto";
option go_package = "x";
option java_package = "x";
"""

THING = """
// A thing.
message Thing {
  // IMMUTABLE. Its name.
  string name = 1;
  // Its etag.
  string etag = 2;
}
"""


def plant(body, snapshot=None):
    files = {"proto/penstock/v1/a.proto": HEAD + body}
    if snapshot is not None:
        files[protos.SNAPSHOT] = snapshot
    return planted.Planted(files)


def found(body):
    """The faults of a file but those about the snapshot, which these files have none of."""
    with plant(body) as root:
        return [fault for fault in protos.faults(root) if not fault.startswith(protos.SNAPSHOT)]


def message(fields):
    return "// A message.\nmessage A {\n" + fields + "}\n"


def rpc(declaration, requests):
    return ("// Serves.\nservice AService {\n  // Calls.\n  " + declaration + "\n}\n" + THING + requests)


def request(name, fields):
    lines = "".join(f"  // A field.\n  {field};\n" for field in fields)
    return f"// A request.\nmessage {name} {{\n{lines}}}\n"


class CheckProtos(unittest.TestCase):
    def refused(self, body, *reasons):
        got = found(body)
        self.assertEqual(len(got), len(reasons), got)
        for fault, reason in zip(got, reasons):
            self.assertIn(reason, fault)
            self.assertRegex(fault, r"\Aproto/penstock/v1/a\.proto:\d+: ")

    def accepted(self, body):
        self.assertEqual(found(body), [])

    def test_everything_has_a_comment_that_is_a_sentence(self):
        self.refused("message A {}\n", "message A has no comment")
        self.refused("// A\nmessage A {}\n", "is no sentence")
        self.refused(message("  string b = 1;\n"), "field b has no comment")
        self.refused(message("  // One of.\n  oneof c {\n    // B.\n    string b = 1;\n  }\n")
                     .replace("  // One of.\n", ""), "oneof c has no comment")
        self.refused(message("  enum B {\n    // None.\n    UNSPECIFIED = 0;\n  }\n"), "enum B has no comment")
        self.refused(message("  // B.\n  enum B {\n    UNSPECIFIED = 0;\n  }\n"), "value UNSPECIFIED has no comment")
        self.refused("// S.\nservice AService {\n  rpc Do(DoRequest) returns (DoResponse);\n}\n"
                     + request("DoRequest", []) + request("DoResponse", []), "rpc Do has no comment")
        self.refused("service AService {}\n", "service AService has no comment")
        self.accepted(message("  // A field.\n  string b = 1;\n"))
        self.accepted(message("  // Perhaps.\n  optional string b = 1;\n"))
        self.accepted(message("  // Labels.\n  map<string, string> labels = 1;\n"))

    def test_a_comment_behind_is_none(self):
        self.refused(message("  string b = 1;  // A field.\n"), "field b has no comment")

    def test_the_line_of_a_fault(self):
        self.assertTrue(found(message("\n\n  string b = 1;\n"))[0].startswith("proto/penstock/v1/a.proto:13: "))

    def test_names(self):
        self.refused(message("  // B.\n  string bC = 1;\n"), "bC is not in lower_snake_case")
        self.refused("// A.\nmessage a_b {}\n", "a_b is not in PascalCase")
        self.refused("// S.\nservice Things {}\n", "does not end in Service")
        self.refused(message("  // B.\n  repeated string item = 1;\n"), "is a plural")

    def test_enums(self):
        self.refused("// E.\nenum E {\n  // None.\n  UNSPECIFIED = 0;\n}\n", "stands outside of a message")
        self.refused(message("  // B.\n  enum B {\n    // C.\n    C = 0;\n  }\n"), "the first value is UNSPECIFIED")
        self.refused(message("  // B.\n  enum B {\n    // None.\n    UNSPECIFIED = 0;\n    // C.\n    B_C = 1;\n  }\n"),
                     "repeats the enum's name")
        self.accepted(message("  // B.\n  enum B {\n    // None.\n    B_UNSPECIFIED = 0;\n    // C.\n    C = 1;\n  }\n"))

    def test_times_and_octets(self):
        self.refused(message("  // B.\n  int32 wait_seconds = 1;\n"), "bare number")
        self.refused(message("  // B.\n  int64 timeout = 1;\n"), "use google.protobuf.Duration")
        self.refused(message("  // B.\n  string create_time = 1;\n"), "use google.protobuf.Timestamp")
        self.refused(message("  // B.\n  string content = 1;\n"), "use bytes")
        self.accepted(message("  // B.\n  google.protobuf.Duration timeout = 1;\n"
                              "  // C.\n  bytes content = 2;\n  // D.\n  google.protobuf.Timestamp time = 3;\n"))

    def test_behaviour_words_come_first(self):
        self.refused(message("  // The b. REQUIRED.\n  string b = 1;\n"), "REQUIRED is not the first word")
        self.refused(THING.replace("IMMUTABLE. ", ""), "begins with IMMUTABLE or OUTPUT_ONLY")

    def test_numbers_are_used_or_reserved(self):
        self.refused(message("  // B.\n  string b = 2;\n"), "neither uses nor reserves number 1")
        self.accepted(message("  reserved 1;\n  // B.\n  string b = 2;\n"))

    def test_the_head(self):
        with planted.Planted({"proto/penstock/v1/A.proto": 'syntax = "proto3";\npackage penstock.v2;\n'}) as root:
            got = list(protos.faults(root))
        self.assertEqual(len(got), 3, got)

    def test_requests_and_responses(self):
        self.refused(rpc("rpc Do(Thing) returns (Thing);", ""), "expected DoRequest")
        self.refused(rpc("rpc Do(DoRequest) returns (DoRequest);", request("DoRequest", [])), "expected DoResponse")
        self.refused(rpc("rpc Do(DoRequest) returns (stream Thing);", request("DoRequest", [])), "expected DoResponse")
        self.accepted(rpc("rpc Do(DoRequest) returns (Thing);", request("DoRequest", [])))

    def test_standard_methods(self):
        self.refused(rpc("rpc GetThing(GetThingRequest) returns (Thing);", request("GetThingRequest", ["string id = 1"])),
                     "string name in the request")
        self.refused(rpc("rpc GetThing(GetThingRequest) returns (GetThingRequest);",
                         request("GetThingRequest", ["string name = 1"])), "Thing as response")
        self.refused(rpc("rpc ListThings(ListThingsRequest) returns (ListThingsResponse);",
                         request("ListThingsRequest", []) + request("ListThingsResponse", [])),
                     "int32 page_size", "next_page_token", "the rows as field 1")
        self.refused(rpc("rpc CreateThing(CreateThingRequest) returns (Thing);",
                         request("CreateThingRequest", ["Thing thing = 1"])), "string thing_id")
        self.refused(rpc("rpc UpdateThing(UpdateThingRequest) returns (Thing);",
                         request("UpdateThingRequest", ["Thing thing = 1"])), "FieldMask update_mask")
        self.refused(rpc("rpc DeleteThing(DeleteThingRequest) returns (Thing);",
                         request("DeleteThingRequest", ["string name = 1"])), "google.protobuf.Empty", "name and etag")
        self.accepted(rpc("rpc UpdateThing(UpdateThingRequest) returns (Thing);",
                          request("UpdateThingRequest", ["Thing thing = 1", "google.protobuf.FieldMask update_mask = 2"])))

    def test_a_file_that_protoc_refuses(self):
        with plant("message {\n") as root, self.assertRaises(SystemExit) as raised:
            list(protos.faults(root))
        self.assertIn("a.proto", str(raised.exception))


class Promises(unittest.TestCase):
    """The snapshot."""

    BEFORE = message("  // B.\n  string b = 1;\n  // C.\n  enum C {\n    // None.\n    UNSPECIFIED = 0;\n  }\n")

    def setUp(self):
        with plant(self.BEFORE) as root:
            self.snapshot = "\n".join(protos.shape(protos.read(root))) + "\n"

    def against(self, body):
        with plant(body, self.snapshot) as root:
            return list(protos.faults(root))

    def test_the_same_is_fine(self):
        self.assertEqual(self.against(self.BEFORE), [])

    def test_another_type_name_or_number_breaks(self):
        for after in ("bytes b = 1", "repeated string b = 1", "optional string b = 1", "string bs = 1"):
            got = self.against(self.BEFORE.replace("string b = 1", after))
            self.assertTrue(any("breaks a promise" in fault and "penstock.v1.A 1 b string" in fault for fault in got), got)
        got = self.against(self.BEFORE.replace("UNSPECIFIED", "C_UNSPECIFIED"))
        self.assertTrue(any("breaks a promise" in fault for fault in got), got)

    def test_an_addition_has_to_be_promised(self):
        got = self.against(self.BEFORE.replace("  // C.\n", "  // D.\n  string d = 2;\n  // C.\n"))
        self.assertEqual(len(got), 1, got)
        self.assertIn("not there yet: field penstock.v1.A 2 d string json=d", got[0])

    def test_update_adds_but_breaks_only_when_told(self):
        with plant(self.BEFORE.replace("string b", "bytes b"), self.snapshot) as root, \
                contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual(protos.update(root, breaking=False), 1)
            self.assertEqual((root / protos.SNAPSHOT).read_text(), self.snapshot)
            self.assertEqual(protos.update(root, breaking=True), 0)
            self.assertEqual(list(protos.faults(root)), [])


class TheHouse(unittest.TestCase):
    def test_it_holds(self):
        self.assertEqual(list(protos.faults(planted.ROOT)), [])


if __name__ == "__main__":
    unittest.main()
