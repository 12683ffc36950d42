"""Why something of the journal is neither carried out nor taken back: words of one list, for programs."""

CHANGED_MEANWHILE = "changed-meanwhile"
"""Somebody else has changed the appointment since."""

CONTENTS_GONE = "contents-gone"
"""Retention or an erasure has emptied the row."""

IDENTITY_TAKEN = "identity-taken"
"""Another object has the href or UID by now."""
