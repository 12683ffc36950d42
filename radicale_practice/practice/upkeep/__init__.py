"""Checks of every invariant, and the nightly housekeeping."""
