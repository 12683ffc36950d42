"""The practice: appointments, patients, staff, calendars, and who changed what.

Can be used alone by other Python software to book, move and cancel. Knows SQLAlchemy; knows no
iCalendar, no HTTP and no Radicale.
"""
