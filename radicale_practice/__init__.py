"""A two-way CalDAV server for practices: plugins for Radicale over the practice's appointment database.

The rooms, from top to bottom (a dependency points downwards only):

- ``plugins``: Radicale's auth, rights, storage and web hooks and the Application. They hold no rules.
- ``event``: the iCalendar side: an appointment or series to and from a calendar object. No SQL, no HTTP.
- ``practice``: the practice itself: schema, appointment book, patients, staff, revisions, journal.
"""

__version__ = "0.1.0"
