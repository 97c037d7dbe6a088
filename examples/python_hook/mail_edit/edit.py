"""An edit, as the octets that change."""
from dataclasses import dataclass, field


@dataclass
class Splice:
    offset: int    # of the first octet that goes, or before which the text comes
    octets: int    # that go
    text: bytes    # that comes


@dataclass
class Edit:
    splices: list = field(default_factory=list)   # in the order of their offsets; none overlaps another
    refusal: str = ""                             # why this mail is not edited; "" if it is
    warnings: list = field(default_factory=list)  # for the hook's author: what the edit breaks


class Refused(Exception):
    """Why a mail is not edited."""


def apply(edit, octets):
    """Returns `octets`, the message or its beginning that the edit was made from, with the splices done."""
    result, start = [], 0
    for splice in edit.splices:
        result += [octets[start:splice.offset], splice.text]
        start = splice.offset + splice.octets
    return b"".join(result + [octets[start:]])
