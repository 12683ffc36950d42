"""The journal of who changed what, how it is read, and the way back."""
