"""``python -m bench``: our server beside stock Radicale 3.9 with its file storage, in one run."""
