# SPDX-License-Identifier: Apache-2.0
"""The Python module's edits give the octets that the C++ ones give: both run the same vectors."""
import json
import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "examples/python_hook"))

import mail_edit  # noqa: E402


def octets(value):
    """Octets as tests/unit/mail/octets.h reads them."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, list):
        return b"".join(octets(one) for one in value)
    if "hex" in value:
        return bytes.fromhex(value["hex"])
    return octets(value["repeat"]) * value["times"]


def text(value):
    return octets(value).decode("utf-8", "surrogateescape")


def make(message, edit):
    kind = edit["kind"]
    if kind == "tag_subject":
        return mail_edit.tag_subject(message, text(edit["tag"]))
    if kind == "remove_field":
        return mail_edit.remove_field(message, text(edit["name"]))
    if kind in ("add_field", "replace_field"):
        return getattr(mail_edit, kind)(message, text(edit["name"]), text(edit["text"]))
    if kind == "disclaimer":
        return mail_edit.add_disclaimer(message, text(edit["text"]), text(edit.get("html", "")), edit.get("top", False))

    def remove(one):
        end = edit.get("name_end", "")
        return ((not end or any(name.endswith(end) for name in one.names)) and one.type.startswith(edit.get("type_start", ""))
                and one.octets >= edit.get("octets_min", 0))
    return mail_edit.remove_attachments(message, remove, text(edit.get("note", "")))


class Vectors(unittest.TestCase):
    def test_edits_of_fields(self):
        self.run_file("header_edit.json")

    def test_edits_of_the_body(self):
        self.run_file("body_edit.json")

    def run_file(self, name):
        vectors = json.loads((ROOT / "tests/data/mail" / name).read_text(encoding="utf-8"))
        self.assertGreater(len(vectors), 50)
        for vector in vectors:
            with self.subTest(vector["name"]):
                self.run_vector(vector["input"], vector["want"])

    def run_vector(self, given, want):
        message = octets(given["message"])
        if "error" in want:
            with self.assertRaises(ValueError) as raised:
                make(message, given["edit"])
            self.assertEqual(str(raised.exception), want["error"])
            return
        edit = make(message, given["edit"])
        self.assertEqual(edit.refusal, want.get("refusal", ""))
        self.assertEqual("|".join(edit.warnings), want.get("warnings", ""))
        self.assertEqual(mail_edit.apply(edit, message), octets(want.get("message", given["message"])))


if __name__ == "__main__":
    unittest.main()
