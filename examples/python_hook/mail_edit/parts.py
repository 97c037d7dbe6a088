"""Where the parts of a message are (RFC 2045, RFC 2046), octet by octet, as the engine finds them."""
import re
from dataclasses import dataclass, field

from .edit import Refused
from .header import FIELD, scan
from .words import decode_words, to_text

DEPTH_MAX = 400
PARTS_MAX = 20_000
BOUNDARY_MAX = 250
BODY_LINE_KEPT = 512
FIELD_MAX = 8192
PARAMETERS_MAX = 64
TOKEN = re.compile(rb"[^\x00-\x20\x7f()<>@,;:\\\"/\[\]?=]*")
SIGNED = ("application/pkcs7-mime", "application/x-pkcs7-mime")


class Reader:
    """Takes a field's body apart from the front."""

    def __init__(self, octets):
        self.octets, self.at = octets[:FIELD_MAX], 0

    def peek(self):
        return self.octets[self.at:self.at + 1]

    def skip_space(self):
        depth = 0
        while self.peek():
            c = self.peek()
            if c == b"(":
                depth += 1
            elif depth and c == b")":
                depth -= 1
            elif depth and c == b"\\":
                self.at += 1
            elif not depth and c not in b" \t\r\n":
                return
            self.at += 1

    def take(self, c):
        self.skip_space()
        if self.peek() != c:
            return False
        self.at += 1
        return True

    def token(self):
        self.skip_space()
        found = TOKEN.match(self.octets, self.at).group()
        self.at += len(found)
        return found

    def value(self):
        if not self.take(b'"'):
            found = re.compile(rb"[^; \t\r\n(]*").match(self.octets, self.at).group()
            self.at += len(found)
            return found
        value = b""
        while self.peek() and self.peek() != b'"':
            if self.peek() in b"\r\n":
                self.at += 1
                continue
            if self.peek() == b"\\" and self.at + 1 < len(self.octets):
                self.at += 1
            value += self.peek()
            self.at += 1
        self.at += 1
        return value

    def skip_to_next(self):
        self.skip_space()
        while self.peek():
            if self.peek() == b'"':
                self.value()
            else:
                self.at += 1
                if self.octets[self.at - 1:self.at] == b";":
                    return
            self.skip_space()


@dataclass
class MimeField:
    value: str = ""                                # in lower case
    parameters: list = field(default_factory=list)  # (name in lower case, octets)

    def find(self, name):
        return next((value for key, value in self.parameters if key == name), None)


def read_mime_field(body):
    reader = Reader(body)
    read = MimeField(reader.token().lower().decode("latin-1"))
    if reader.take(b"/"):
        read.value += "/" + reader.token().lower().decode("latin-1")
    reader.skip_to_next()
    while reader.peek() and len(read.parameters) < PARAMETERS_MAX:
        name = reader.token().lower().decode("latin-1")
        if name and reader.take(b"="):
            reader.skip_space()
            read.parameters.append((name, reader.value()))
        reader.skip_to_next()
    return read


def percent(octets):
    return re.sub(rb"%([0-9A-Fa-f]{2})", lambda one: bytes([int(one.group(1), 16)]), octets)


def find_parameter(read, name):
    """(octets, charset) of a parameter in any form of RFC 2231; both empty if there is none."""
    octets, charset, number = b"", "", 0
    while True:
        extended, plain = read.find(f"{name}*{number}*"), read.find(f"{name}*{number}")
        if extended is not None:
            if number == 0:
                charset, extended = take_charset(extended)
            octets += percent(extended)
        elif plain is not None:
            octets += plain
        else:
            break
        number += 1
    if number:
        return octets, charset
    extended = read.find(name + "*")
    if extended is not None:
        charset, extended = take_charset(extended)
        return percent(extended), charset
    return read.find(name) or b"", ""


def take_charset(value):
    pieces = value.split(b"'", 2)
    return (pieces[0].lower().decode("latin-1"), pieces[2]) if len(pieces) == 3 else ("", value)


def read_encoding(body):
    name = Reader(body).token().lower().decode("latin-1") or "7bit"
    return name if name in ("7bit", "8bit", "binary", "quoted-printable", "base64") else "unknown"


@dataclass
class Part:
    path: str
    parent: object = None
    kind: str = "leaf"       # or "multipart", "message"
    type: MimeField = None
    encoding: str = "7bit"
    boundary: bytes = b""
    children: list = field(default_factory=list)
    delimiter: int = 0       # offset of the delimiter line before it
    offset: int = 0          # of its header section
    body: int = 0            # offset of its body
    end: int = 0             # of the body, without the line end before a delimiter
    next: int = 0            # offset of that delimiter line, or of the content's end

    def name(self):
        return f"part {self.path}" if self.path else "the message"

    def around(self):
        """The part and all that it stands in."""
        part = self
        while part:
            yield part
            part = part.parent


class Walk:
    """Finds the parts line by line."""

    def __init__(self, message):
        self.message, self.parts, self.open, self.boundaries = message, [], [], {}
        self.in_header, self.delimiter = False, 0
        self.begin(0)
        start, end_octets = 0, 0
        while start < len(message):
            end = message.find(b"\n", start) + 1 or len(message)
            line = message[start:end]
            content = re.sub(rb"\r?\n\Z", b"", line)
            self.take(content, start, end, end_octets, len(line) > len(content))
            start, end_octets = end, len(line) - len(content)
        while self.in_header:
            self.end_header(len(message))
        self.end_to(0, len(message), 0)

    def take(self, content, start, end, before, ended):
        if self.take_delimiter(content, start, end, before):
            return
        taken = False
        while self.in_header and not taken:
            taken = self.take_header_line(content, start, end, ended)

    def take_delimiter(self, content, start, end, before):
        kept = 1 << 20 if self.in_header else BODY_LINE_KEPT
        if not self.boundaries or not content.startswith(b"--") or len(content) > kept:
            return False
        text, last = content[2:].rstrip(b" \t"), False
        if text not in self.boundaries and text.endswith(b"--"):
            text, last = text[:-2], True
        if text not in self.boundaries:
            return False
        depth = self.boundaries[text][-1]
        while self.in_header:
            self.end_header(start)
        self.end_to(depth + 1, start, before)
        self.delimiter = start
        if last:
            self.forget(text)
        else:
            self.begin(end)
        return True

    def take_header_line(self, content, start, end, ended):
        if not content and ended:
            self.end_header(end)
            return True
        first, self.first_line = self.first_line, False
        if FIELD.match(content):
            self.in_field = True
            return True
        if content[:1] in (b" ", b"\t") and self.in_field:
            return True
        parent = self.open[-1].parent
        if first and (parent is None or parent.kind == "message") and re.match(rb">?From ", content):
            return True
        self.end_header(start)
        return False

    def begin(self, offset):
        parent = self.open[-1] if self.open else None
        part = Part("", parent, offset=offset, delimiter=self.delimiter)
        if parent:
            parent.children.append(part)
            part.path = f"{parent.path}.{len(parent.children)}".lstrip(".")
        self.parts.append(part)
        if len(self.parts) > PARTS_MAX:
            raise Refused(f"the mail has more than {PARTS_MAX} parts")
        self.open.append(part)
        self.in_header, self.first_line, self.in_field = True, True, False

    def end_header(self, offset):
        self.in_header = False
        part = self.open[-1]
        part.body = offset
        self.set_kind(part)
        if part.kind == "multipart":
            self.boundaries.setdefault(part.boundary, []).append(len(self.open) - 1)
        elif part.kind == "message":
            self.begin(offset)

    def set_kind(self, part):
        section = scan(self.message[part.offset:part.body])
        types = section.find_all("Content-Type")
        part.type = read_mime_field(types[0].body if types else b"")
        if "/" not in part.type.value:
            digest = part.parent and part.parent.type.value == "multipart/digest" and not types
            part.type = MimeField("message/rfc822" if digest else "text/plain")
        encodings = section.find_all("Content-Transfer-Encoding")
        part.encoding = read_encoding(encodings[0].body if encodings else b"")
        if part.type.value.startswith("multipart/"):
            boundary = find_parameter(part.type, "boundary")[0].rstrip(b" \t")
            part.boundary = boundary if len(boundary) <= BOUNDARY_MAX else b""
        if len(self.open) >= DEPTH_MAX:
            return
        identity = part.encoding in ("7bit", "8bit", "binary")
        if part.boundary:
            part.kind = "multipart"
        elif part.type.value in ("message/rfc822", "message/global", "message/news") and identity:
            part.kind = "message"

    def end_to(self, depth, offset, before):
        while len(self.open) > depth:
            part = self.open.pop()
            part.end, part.next = max(part.body, offset - before), offset
            if part.kind == "multipart" and len(self.open) in self.boundaries.get(part.boundary, []):
                self.forget(part.boundary)

    def forget(self, boundary):
        self.boundaries[boundary].pop()
        if not self.boundaries[boundary]:
            del self.boundaries[boundary]


def find_parts(message):
    """All parts, each before those within it; the first is the message."""
    return Walk(message).parts


def header_of(message, part):
    return message[part.offset:part.body]


def file_info(message, part):
    """(whether it calls itself an attachment, all names that it gives itself, the one to show first)."""
    header = scan(header_of(message, part))
    dispositions, types = ([read_mime_field(one.body) for one in header.find_all(name)]
                           for name in ("Content-Disposition", "Content-Type"))
    found = [name for parameter in ("filename", "name") for field in dispositions + types
             for name in find_names(field, parameter) if name]
    return bool(dispositions) and dispositions[0].value == "attachment", found


def find_names(read, parameter):
    """What each form of a parameter says (RFC 2231: name*0, name*, name), and each repetition."""
    of_name = [one for one in read.parameters if one[0].split("*")[0] == parameter]
    single = [one for one in of_name if one[0] in (parameter, parameter + "*")]
    pieces = [one for one in reversed(of_name) if one not in single]  # of a repeated piece the last
    for parameters in [of_name, *([one] for one in single), pieces]:
        yield decode_name(*find_parameter(MimeField("", parameters), parameter))


def decode_name(octets, charset):
    if not charset:
        return decode_words(octets)
    text = to_text(octets, charset)
    return octets.decode("utf-8", "replace") if text is None else text


def why_not_within(part):
    """Why nothing within `part` is edited: something around it is signed or encrypted. "": it may be."""
    for one in part.around():
        if one.type.value == "multipart/signed":
            return "the mail is signed (multipart/signed): an edit would break its signature"
        if one.type.value == "multipart/encrypted":
            return "the mail is encrypted (multipart/encrypted)"
        if one.type.value in SIGNED:
            return f"the mail is signed or encrypted ({one.type.value})"
    return ""


def warnings_of_body_edit(message):
    signed = scan(message).find_all("DKIM-Signature")
    return ["the mail has a DKIM-Signature, which the edit of its body breaks"] if signed else []
