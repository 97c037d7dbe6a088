"""Edits of a mail that change what they are asked to and leave every other octet as it came.

    section = ...                                 # Get with part HEADER_SECTION
    edit = mail_edit.tag_subject(section, "[EXT]")
    new_section = mail_edit.apply(edit, section)  # Put this, then the rest of the message as it is

The edits of header fields need the header section alone; add_disclaimer and remove_attachments need the
whole message in memory. An edit that cannot be made safely (signed, encrypted, unreadable) says why in
`refusal` and changes nothing: log it, and let the mail go as it came. ValueError: what no mail can hold.
The same edits for C++ are in hooks/sdk; both give the same octets. Python's standard library alone.
"""
from .attachments import Attachment, remove_attachments
from .disclaimer import add_disclaimer
from .edit import Edit, Splice, apply
from .header import add_field, remove_field, replace_field, tag_subject

__all__ = ["Attachment", "Edit", "Splice", "add_disclaimer", "add_field", "apply", "remove_attachments",
           "remove_field", "replace_field", "tag_subject"]
