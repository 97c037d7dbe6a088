"""Attachments taken out of a mail, with a note in their place or nothing."""
import re
from collections import Counter
from dataclasses import dataclass

from .edit import Edit, Refused, Splice
from .header import scan, utf8
from .leaf import decode, encode_quoted_printable
from .parts import file_info, find_parts, warnings_of_body_edit, why_not_within

FIELDS = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n"
OF_THE_BODY = {b"content-type", b"content-transfer-encoding", b"content-disposition", b"content-id",
               b"content-description", b"content-md5", b"content-language", b"content-location"}


@dataclass
class Attachment:
    path: str     # of its part; "" if the message is nothing but the attachment
    name: str     # of the file; "": none is given
    names: list   # all that it is given, `name` first: a policy asks for each
    type: str     # in lower case
    octets: int   # decoded; as they stand where they cannot be decoded


def remove_attachments(message, remove, note=""):
    """Takes out each attachment for which remove(Attachment) is true. `note`: comes in its place, with
    {name}, {type} and {octets} filled in; "": the part goes."""
    utf8(note, "the note")
    try:
        matched = list(match(message, find_parts(message), remove))
        for part, _ in matched:
            if refusal := why_not_within(part):
                raise Refused(refusal)
    except Refused as refusal:
        return Edit(refusal=str(refusal))
    gone = Counter(id(part.parent) for part, _ in matched)
    kept = set()  # an empty text stands for all that went
    edit = Edit()
    for part, attachment in matched:
        parent = part.parent
        everything = parent and gone[id(parent)] == len(parent.children)
        if not parent or note or (everything and id(parent) not in kept):
            kept.add(id(parent))
            edit.splices.append(replace(message, part, fill(note, attachment)))
        else:
            edit.splices.append(Splice(part.delimiter, part.next - part.delimiter, b""))
    if edit.splices:
        edit.warnings = warnings_of_body_edit(message)
    return edit


def match(message, parts, remove):
    for part in parts:
        around = list(part.around())[1:]
        is_attachment, names = file_info(message, part)
        if part.kind == "message":
            wanted = part.parent is not None
        else:
            wanted = is_attachment or names or not part.type.value.startswith("text/")
        if not wanted or part.type.value.startswith("multipart/") or any(one.kind == "message" for one in around):
            continue
        body = message[part.body:part.end]
        decoded = decode(body, part.encoding)
        attachment = Attachment(part.path, names[0] if names else "", names, part.type.value,
                                len(body if decoded is None else decoded))
        if remove(attachment):
            yield part, attachment


def one_line(text):
    return re.sub(r"[\x00-\x1f\x7f]", " ", text)


def fill(note, attachment):
    # The name, which is the sender's, comes last: nothing in it is filled in.
    for what, value in (("{octets}", str(attachment.octets)), ("{type}", one_line(attachment.type)),
                        ("{name}", one_line(attachment.name))):
        note = note.replace(what, value)
    return note


def replace(message, part, text):
    """The splice that makes a part text/plain; the message keeps its fields but those of the body."""
    header = b""
    if not part.parent:
        section, start = scan(message), 0
        for one in section.fields:
            if one.name.lower() in OF_THE_BODY:
                header += message[start:one.offset]
                start = one.offset + one.octets
        header += message[start:section.octets]
        header += b"" if not header or header.endswith(b"\n") else b"\r\n"
        header += b"" if section.find_all("MIME-Version") else b"MIME-Version: 1.0\r\n"
    body = encode_quoted_printable(text.encode())
    if part.next > part.end and body.endswith(b"\r\n"):  # the line end before the delimiter line stays
        body = body[:-2]
    return Splice(part.offset, part.end - part.offset, header + FIELDS + b"\r\n" + body)
