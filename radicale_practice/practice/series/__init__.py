"""Recurring appointments: rules, their instances, and dates to leave out."""
