"""What a viewer gets of a calendar, by identity, by range, as an agenda."""
