"""The text of one leaf part, read and written back in its charset and encoding, or in UTF-8 and
quoted-printable where those cannot hold it."""
import base64
import binascii
import re
from dataclasses import dataclass

from .edit import Refused, Splice, apply
from .header import line_end, replace_field, scan, without_line_end
from .parts import find_parameter, header_of
from .words import from_text, to_text

LINE_MAX = 998
QP_LINE = 76
IDENTITY = ("7bit", "8bit", "binary")


def decode_base64(octets):
    """None if there are octets that are neither base64 nor white space, or padding before the end."""
    text = re.sub(rb"[ \t\r\n]", b"", octets)
    if not re.fullmatch(rb"[A-Za-z0-9+/]*=*", text):
        return None
    text = text.rstrip(b"=")
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4))
    except binascii.Error:
        return None


def encode_base64(octets):
    return b"".join(base64.b64encode(octets[at:at + 57]) + b"\r\n" for at in range(0, len(octets), 57))


def decode_quoted_printable(octets):
    """None if a "=" neither encodes an octet nor ends a line."""
    out, start = [], 0
    while start < len(octets):
        end = line_end(octets, start)
        line = without_line_end(octets[start:end])
        ending = octets[start + len(line):end]
        line = line.rstrip(b" \t")
        soft = line.endswith(b"=")
        line = line[:-1] if soft else line
        if re.search(rb"=(?![0-9A-Fa-f]{2})", line):
            return None
        out.append(re.sub(rb"=(..)", lambda one: bytes([int(one.group(1), 16)]), line) + (b"" if soft else ending))
        start = end
    return b"".join(out)


def encode_quoted_printable(octets):
    """Lines of at most 76 octets that end in CRLF; a last line without an end gets one."""
    out, start = [], 0
    while start < len(octets):
        end = line_end(octets, start)
        line, used = without_line_end(octets[start:end]), 0
        for at, octet in enumerate(line):
            if used + 3 > QP_LINE - 1:
                out.append(b"=\r\n")
                used = 0
            inside = octet == 0x20 and at + 1 < len(line)
            odd_start = used == 0 and octet in b".F"  # a dot or "From " is for some servers more than text
            plain = inside or (0x20 < octet < 0x7F and octet != 0x3D and not odd_start)
            out.append(bytes([octet]) if plain else b"=%02X" % octet)
            used += 1 if plain else 3
        out.append(b"\r\n")
        start = end
    return b"".join(out)


def decode(octets, encoding):
    if encoding == "base64":
        return decode_base64(octets)
    if encoding == "quoted-printable":
        return decode_quoted_printable(octets)
    return octets if encoding in IDENTITY else None


@dataclass
class LeafText:
    text: str
    charset: str
    octets: bytes         # decoded, before the charset
    keeps_charset: bool   # it gives the same octets for the text


def read(message, part):
    octets = decode(message[part.body:part.end], part.encoding)
    if octets is None:
        raise Refused(f"{part.name()}: its transfer encoding cannot be read")
    charset = find_parameter(part.type, "charset")[0].decode("latin-1").lower() or "us-ascii"
    text = to_text(octets, charset)
    if text is None:
        raise Refused(f"{part.name()}: its octets cannot be read as {charset} text")
    return LeafText(text, charset, octets, from_text(text, charset) == octets)


def has_long_line(octets):
    return any(len(line) > LINE_MAX + 1 for line in octets.split(b"\n"))


def quoted(value):
    if value and not re.search(r'[()<>@,;:\\"/\[\]?= \t]', value):
        return value
    return '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'


def with_charset(type_field, charset):
    text = f"{type_field.value}; charset={charset}"
    for name, value in type_field.parameters:
        if name != "charset" and not name.startswith("charset*"):
            text += f"; {name}={quoted(value.decode('utf-8', 'surrogateescape'))}"
    return text


def set_field(header, name, text):
    try:
        return apply(replace_field(header, name, text), header)
    except ValueError as error:
        raise Refused(str(error)) from None


def write(message, part, before, text):
    """The splice that gives a part another text: its other fields keep their octets."""
    header = header_of(message, part)
    octets = from_text(text, before.charset) if before.keeps_charset else None
    if octets is None:
        header = set_field(header, "Content-Type", with_charset(part.type, "utf-8"))
        octets = text.encode()
    encoding = part.encoding
    wide = encoding == "7bit" and not octets.isascii()
    if encoding in IDENTITY and (wide or (has_long_line(octets) and not has_long_line(before.octets))):
        encoding = "quoted-printable"
        header = set_field(header, "Content-Transfer-Encoding", encoding)
    if header != header_of(message, part) and not part.parent and not scan(header).find_all("MIME-Version"):
        header = set_field(header, "MIME-Version", "1.0")
    section = scan(header)
    if section.body_offset == section.octets:
        header += (b"" if not header or header.endswith(b"\n") else b"\r\n") + b"\r\n"

    old = message[part.body:part.end]
    body = octets
    if encoding == "base64":
        body = encode_base64(octets)
        if (not old.endswith(b"\n") if old else part.parent) and body.endswith(b"\r\n"):
            body = body[:-2]
    elif encoding == "quoted-printable":
        body = encode_quoted_printable(octets)
        if not octets.endswith(b"\n") and body.endswith(b"\r\n"):
            body = body[:-2]
    if part.parent and part.next == part.body:  # it has no line end of its own before the delimiter line
        body += b"\r\n"
    return Splice(part.offset, part.end - part.offset, header + body)
