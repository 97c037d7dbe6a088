# SPDX-License-Identifier: Apache-2.0
"""The configurations of examples/mail_servers, as tests run them: other ports and paths, and no more."""
import pathlib
import re

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "examples/mail_servers"


def block(page, section, name):
    """The text of the block below `## section` whose first line is `# name`, or of the first of commands, with "".
    Errors: KeyError without one."""
    for _, first, text in blocks(page, section):
        if first == name:
            return text
    raise KeyError(f"{page}, {section}: no block {name or 'of commands'}")


def blocks(page, section=""):
    """[(section, name, text)] of a page, or of one section of it. `name` is of the first line, `# name`; "" for
    commands, whose lines begin with `penstock`."""
    found = []
    for part in re.finditer(r"^## ([^\n]*)\n(.*?)(?=^## |\Z)", (FOLDER / page).read_text(), re.M | re.S):
        for text in re.findall(r"^```\w*\n(.*?)^```$", part[2], re.M | re.S):
            first, _, rest = text.partition("\n")
            named = first.startswith("# ")
            found.append((part[1], first[2:] if named else "", rest if named else text))
    return [one for one in found if section in ("", one[0])]


def replaced(text, changes):
    """`text` with each key of `changes` replaced by its value. Errors: KeyError where one is not there."""
    for old, new in changes.items():
        text, count = re.subn(rf"(?<!\d){re.escape(str(old))}(?!\d)", str(new), text)
        if not count:
            raise KeyError(f"{old} is not in the recipe")
    return text
