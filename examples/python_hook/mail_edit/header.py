"""Edits of header fields (RFC 5322 §2.2). `section`: octets up to the body, or beyond."""
import base64
import re
from dataclasses import dataclass

from .edit import Edit, Splice
from .words import decode_words

LINE = 78            # RFC 5322 §2.1.1, without CRLF: should not be longer
LINE_MAX = 998       # the same: must not be
WORD_LINE = 76       # RFC 2047 §2: a line with an encoded word
WORD_FRAME = 12      # =?utf-8?B??=
WORD = 45            # octets in an encoded word of 75 characters
NAME = re.compile(r"[!-9;-~]{1,77}")
FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:")
GRAMMAR = {"from", "sender", "reply-to", "to", "cc", "bcc", "date", "message-id", "in-reply-to", "references",
           "received", "return-path", "mime-version", "content-type", "content-transfer-encoding",
           "content-disposition", "content-id", "dkim-signature", "authentication-results", "auto-submitted"}


@dataclass
class Field:
    name: bytes   # as written
    body: bytes   # behind the colon, with folding, without the last line end
    offset: int
    octets: int   # with the last line end
    body_offset: int


@dataclass
class Section:
    fields: list
    octets: int       # of the fields, and of an mbox line
    body_offset: int  # behind the blank line, or `octets` if there is none

    def find_all(self, name):
        return [one for one in self.fields if one.name.lower() == name.lower().encode()]


def line_end(octets, start):
    return octets.find(b"\n", start) + 1 or len(octets)


def without_line_end(line):
    return re.sub(rb"\r?\n\Z", b"", line)


def scan(octets):
    """Finds the fields as the engine does: a line that is no field ends the header section."""
    start = line_end(octets, 0)
    if not re.match(rb">?From ", octets) or FIELD.match(octets[:start]):
        start = 0
    fields = []
    while start < len(octets):
        end = line_end(octets, start)
        line = octets[start:end]
        match = FIELD.match(line)
        if not match:
            blank = line in (b"\r\n", b"\n")
            return Section(fields, start, end if blank else start)
        while octets[end:end + 1] in (b" ", b"\t"):
            end = line_end(octets, end)
        body = start + match.end()
        fields.append(Field(match.group(1), without_line_end(octets[body:end]), start, end - start, body))
        start = end
    return Section(fields, start, start)


def utf8(text, what):
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{what} is no UTF-8") from None


def encoded_word(octets):
    return b"=?utf-8?B?" + base64.b64encode(octets) + b"?="


def encoded(name, octets):
    """Text in encoded words, cut between characters."""
    used = len(name) + 2 + WORD_FRAME
    room = max(0, WORD_LINE - used) // 4 * 3
    body = b" "
    while octets:
        taken = min(room, WORD, len(octets))
        while 0 < taken < len(octets) and octets[taken] & 0xC0 == 0x80:
            taken -= 1
        if taken:
            body += encoded_word(octets[:taken])
        octets = octets[taken:]
        if octets:
            body = (b"" if body == b" " else body) + b"\r\n "
        room = WORD
    return body


def folded(name, text):
    """ASCII, folded where it has white space."""
    body, line = " ", len(name) + 1
    for number, piece in enumerate(re.findall(r"[ \t]*[^ \t]+", text.strip(" \t")) or [""]):
        octets = len(piece) + (number == 0)
        if number and line + octets > LINE:
            body, line = body + "\r\n", 0
        body, line = body + piece, line + octets
        if line > LINE_MAX:
            raise ValueError(f"header {name}: a word of {len(piece)} octets fits into no line; put spaces into it")
    return body.encode()


def encode_body(name, text):
    """What stands behind "name:", without the last line's end."""
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", text):
        raise ValueError(f"header {name}: control characters, such as a line end, cannot be written there; take them out")
    if text.isascii():
        return folded(name, text)
    octets = utf8(text, f"header {name}: the text")
    if name.lower() in GRAMMAR or re.match(r"(?i)resent-|list-|arc-", name):
        raise ValueError(f"header {name}: only ASCII can be written there; encode names by RFC 2047, domains by IDNA")
    return encoded(name, octets.strip(b" \t"))


def check_name(name):
    if not NAME.fullmatch(name):
        shown = re.sub(r"[\x00-\x1f\x7f]", lambda one: f"\\x{ord(one.group()):02x}", name)
        raise ValueError(f'"{shown}" is no name of a header field: 1 to 77 printable ASCII characters, no space, no colon')


def addition(octets, section, name, body):
    """The splice that adds a field at the end of the header section."""
    is_open = section.octets > 0 and octets[section.octets - 1:section.octets] != b"\n"
    # Without a field and a blank line, what follows would become part of the header section.
    blank = section.body_offset == section.octets and not section.fields
    return Splice(section.octets, 0, b"\r\n" * is_open + name.encode() + b":" + body + b"\r\n" + b"\r\n" * blank)


def add_field(section, name, text):
    """Adds a field, whether or not there is one of that name. `text`: one line; what is no ASCII becomes
    encoded words (RFC 2047)."""
    check_name(name)
    return Edit([addition(section, scan(section), name, encode_body(name, text))])


def replace_field(section, name, text):
    """Gives the first field of that name another body and takes out the others; adds one if there is none."""
    check_name(name)
    body, scanned = encode_body(name, text), scan(section)
    found = scanned.find_all(name)
    if not found:
        return Edit([addition(section, scanned, name, body)])
    first = Splice(found[0].body_offset, len(found[0].body), body)
    return Edit([first] + [Splice(one.offset, one.octets, b"") for one in found[1:]])


def remove_field(section, name):
    """Takes out all fields of that name."""
    check_name(name)
    scanned = scan(section)
    found = scanned.find_all(name)
    edit = Edit([Splice(one.offset, one.octets, b"") for one in found])
    if found and len(found) == len(scanned.fields) and scanned.body_offset == scanned.octets:
        edit.splices.append(Splice(scanned.octets, 0, b"\r\n"))
    return edit


def tag_before(subject, tag):
    """What comes between "Subject:" and its body."""
    body, text, written = subject.body, subject.body.strip(b" \t\r\n"), tag.encode()
    if not tag.isascii():
        # White space between encoded words is none (RFC 2047 §6.2), so theirs is within the first.
        written = encoded_word(written + b" " * text.startswith(b"=?"))
    before = b" " + written
    spaced = not body or body[:1] in b" \t\r\n"
    line = re.match(rb"[^\r\n]*", body).group()
    octets = len(subject.name) + 1 + len(before) + len(line)
    fold = octets + (not spaced) > LINE and line.strip(b" \t")
    return before + b"\r\n" * bool(fold) + b" " * (not spaced)


def tag_subject(section, tag):
    """Puts `tag` ("[EXT]") before the Subject, unless the subject as a person reads it has it already."""
    if tag != tag.strip(" \t\r\n") or not 1 <= len(utf8(tag, "the tag")) < WORD:
        raise ValueError(f"a tag has 1 to {WORD - 1} octets, without white space at its ends")
    alone, scanned = encode_body("Subject", tag), scan(section)
    subjects = scanned.find_all("Subject")
    if not subjects:
        return Edit([addition(section, scanned, "Subject", alone)])
    return Edit([Splice(one.body_offset, 0, tag_before(one, tag)) for one in subjects
                 if tag not in decode_words(one.body)])
