# SPDX-License-Identifier: Apache-2.0
"""The configurations of examples/mail_servers, as tests run them: other ports and paths, and no more."""
import pathlib
import re

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "examples/mail_servers"


def block(page, section, name):
    """The text of the block below `## section` whose first line is `# name`. Errors: KeyError without one."""
    part = re.search(rf"^## {re.escape(section)}\n(.*?)(?=^## |\Z)", (FOLDER / page).read_text(), re.M | re.S)
    for text in re.findall(r"^```\w*\n(.*?)^```$", part[1] if part else "", re.M | re.S):
        first, _, rest = text.partition("\n")
        if first == f"# {name}":
            return rest
    raise KeyError(f"{page}, {section}: no block {name}")


def replaced(text, changes):
    """`text` with each key of `changes` replaced by its value. Errors: KeyError where one is not there."""
    for old, new in changes.items():
        text, count = re.subn(rf"(?<!\d){re.escape(str(old))}(?!\d)", str(new), text)
        if not count:
            raise KeyError(f"{old} is not in the recipe")
    return text
