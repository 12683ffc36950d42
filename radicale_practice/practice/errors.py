"""What can go wrong, in words of the practice.

No message carries a patient's name, phone number or note: objects are named by id.
"""

from __future__ import annotations


class PracticeError(Exception):
    """Base of every error the practice raises on purpose."""


class Unavailable(PracticeError):
    """The database is away, locked for too long or not migrated: try again later (HTTP 503)."""


class NotFound(PracticeError):
    """The named thing does not exist, or not for this viewer."""


class NotPermitted(PracticeError):
    """The viewer may not do this at all (HTTP 403 with ``DAV:need-privileges``, RFC 3744)."""


class Conflict(PracticeError):
    """An identity (UID, href, user name, patient number, external id) is taken already (HTTP 409)."""


class InvalidValue(PracticeError, ValueError):
    """A value cannot be stored; the message names the field and the reason, never the content."""


class ViewerMissing(PracticeError):
    """Code that needs to know who is asking found nobody: a defect, never an empty answer."""
