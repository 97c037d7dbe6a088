"""A disclaimer in the text that a reader of the mail sees first."""
import html as markup
import re

from .edit import Edit, Refused
from .header import scan, utf8
from .leaf import read, write
from .parts import file_info, find_parameter, find_parts, header_of, warnings_of_body_edit, why_not_within


def add_disclaimer(message, text, html="", top=False):
    """Puts a disclaimer behind the mail's text, or before it: into every form of it where it has several
    (multipart/alternative). `html`: a fragment; "": made of `text`."""
    if not text.strip(" \t\r\n"):
        raise ValueError("the disclaimer is empty")
    utf8(text + html, "the disclaimer")
    try:
        targets = text_parts(message, find_parts(message))
        if not targets:
            raise Refused("the mail has no text to put it into")
        return Edit([rewrite(message, part, text, html, top) for part in targets],
                    warnings=warnings_of_body_edit(message))
    except Refused as refusal:
        return Edit(refusal=str(refusal))


def text_parts(message, parts):
    """The parts that hold the text of a mail."""
    found, waiting = [], [parts[0]]
    while waiting:
        part = waiting.pop()
        if found and not share(part, found[-1]):
            continue
        refusal = why_not_within(part)
        if refusal:
            raise Refused(refusal)
        if part.kind == "leaf":
            if part.type.value in ("text/plain", "text/html") and file_info(message, part) == (False, []):
                found.append(part)
        elif part.type.value == "multipart/related":
            waiting += [root(message, part)] if part.children else []
        elif part.kind == "multipart":
            waiting += reversed(part.children)
    return found


def share(a, b):
    """Whether two parts are forms of the same text: the nearest that both are in is multipart/alternative."""
    around = {id(one) for one in a.around()}
    return next(one for one in b.around() if id(one) in around).type.value == "multipart/alternative"


def root(message, related):
    """RFC 2387 §3.2: the part that "start" names, else the first."""
    start = find_parameter(related.type, "start")[0]
    for child in related.children:
        ids = scan(header_of(message, child)).find_all("Content-ID")
        if start and ids and re.sub(rb"\r?\n", b"", ids[0].body).strip(b" \t\r\n") == start:
            return child
    return related.children[0]


def rewrite(message, part, text, html, top):
    leaf = read(message, part)
    if re.search(r"(\A|\n)-----BEGIN PGP ", leaf.text):
        raise Refused("the mail is signed or encrypted (PGP in its text)")
    if part.type.value == "text/plain":
        flowed = find_parameter(part.type, "format")[0].lower() == b"flowed"
        return write(message, part, leaf, with_plain(leaf.text, text, flowed, top))
    if not leaf.keeps_charset:
        raise Refused(f"the HTML of {part.name()} is in a charset that cannot be kept ({leaf.charset})")
    return write(message, part, leaf, with_html(leaf.text, text, html, top))


def lines(text, line_end, flowed):
    """Flowed: none is taken for a quote or goes on in the next one (RFC 3676 §4.4)."""
    out = []
    for line in text.rstrip("\r\n").split("\n"):
        line = line.removesuffix("\r").rstrip(" \t")
        out.append((" " if flowed and re.match(" |>|From ", line) else "") + line)
    return line_end.join(out)


def with_plain(text, disclaimer, flowed, top):
    end = "\n" if "\n" in text and "\r\n" not in text else "\r\n"
    added = lines(disclaimer, end, flowed)
    if not text:
        return added + end
    if top:
        return added + end + end + text
    if text.endswith("\n"):
        return text + end + added + end
    return text + end + end + added


def with_html(text, disclaimer, fragment, top):
    fragment = fragment or "<p>" + markup.escape(lines(disclaimer, "\n", False), quote=False).replace("\n", "<br>\n") + "</p>"
    added = re.sub(r"[^\x00-\x7f]", lambda one: f"&#{ord(one.group())};", lines(fragment, "\r\n", False))
    place = place_at_top(text) if top else place_at_bottom(text)
    is_open = place == len(text) and text and not text.endswith("\n")
    return text[:place] + ("\r\n" if is_open else "") + added + ("" if is_open else "\r\n") + text[place:]


def tags(text):
    """In lower case, with spaces where comments are: offsets stay."""
    lower = re.sub("[A-Z]", lambda one: one.group().lower(), text)
    return re.sub(r"<!--.*?(-->|\Z)", lambda one: " " * len(one.group()), lower, flags=re.S)


def behind_tag(searched, start):
    """Where the tag that begins with `start` ends; None if there is none, or it does not end."""
    found = re.search(start + r"(?=[ \t\r\n/>])", searched)
    quote = ""
    for one in re.compile(r"[>\"']").finditer(searched, found.end()) if found else ():
        if not quote and one.group() == ">":
            return one.end()
        quote = "" if one.group() == quote else quote or one.group().strip(">")
    return None


def place_at_top(text):
    searched = tags(text)
    places = (behind_tag(searched, start) for start in ("<body", "</head", "<html"))
    return next((place for place in places if place is not None), 0)


def place_at_bottom(text):
    searched = tags(text)
    return next((place for end in ("</body", "</html") if (place := searched.rfind(end)) >= 0), len(text))
