"""The iCalendar side (RFC 5545): appointments and series to VEVENTs and back.

A two-way lens (``render`` and ``absorb``). No SQL and no HTTP here.
"""
