"""The attention list: what a person in the practice has to look at."""
