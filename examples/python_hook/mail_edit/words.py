"""Text out of encoded words (RFC 2047) and charsets: read only, never written back."""
import base64
import re

OCTETS_MAX = 16384
WORD = re.compile(r"=\?([^?*\s]+)(?:\*[^?\s]*)?\?([bBqQ])\?([^?]*)\?=")
NO_CHARSETS = {"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape"}  # codecs, of another kind


def to_text(octets, charset):
    """The text of octets, or None if the charset is unknown or they are not of it."""
    name = charset.lower()
    if name == "utf-16":  # RFC 2781 §4.3
        little = octets.startswith(b"\xff\xfe")
        octets = octets[2:] if little or octets.startswith(b"\xfe\xff") else octets
        name = "utf-16le" if little else "utf-16be"
    if not re.fullmatch(r"[a-z0-9_.:-]{1,40}", name) or name.replace("-", "_") in NO_CHARSETS:
        return None
    try:
        return octets.decode(name)
    except (LookupError, UnicodeError):
        return None


def from_text(text, charset):
    """The octets of text, or None if the charset is unknown or lacks a character."""
    name = charset.lower()
    if not re.fullmatch(r"[a-z0-9_.:-]{1,40}", name) or name.replace("-", "_") in NO_CHARSETS | {"utf_16"}:
        return None
    try:
        return text.encode(name)
    except (LookupError, UnicodeError):
        return None


def octets_of(encoding, encoded):
    if encoding in "qQ":
        return re.sub(rb"=([0-9A-Fa-f]{2})", lambda one: bytes([int(one.group(1), 16)]),
                      encoded.encode().replace(b"_", b" "))
    return base64.b64decode(encoded.rstrip("=") + "=" * (-len(encoded.rstrip("=")) % 4), validate=True)


def decode_words(raw):
    """The raw body of a field of free text as a person reads it: one line."""
    unfolded = re.sub(rb"\r?\n", b"", raw[:OCTETS_MAX]).strip(b" \t\r\n")
    text = to_text(unfolded, "utf-8")
    if text is None:
        text = unfolded.decode("cp1252", "replace")
    out, last, at = "", None, 0  # last: (charset, octets) of the word before, if nothing came since
    for match in list(WORD.finditer(text)) + [None]:
        between = text[at:match.start() if match else len(text)]
        word = None
        if match:
            at = match.end()
            try:
                word = (match.group(1).lower(), octets_of(match.group(2), match.group(3)))
                "".encode(word[0])
            except (ValueError, LookupError):
                word = None
        if last and word and not between.strip(" \t") and last[0] == word[0]:
            last = (last[0], last[1] + word[1])  # a character may be cut in two words
            continue
        if last:
            out += last[1].decode(last[0], "replace")
        if not (last and word and not between.strip(" \t")):
            out += between
        if match and word is None:
            out += match.group()
        last = word
    return re.sub(r"[\r\n]", " ", out).replace("\0", "\ufffd")
