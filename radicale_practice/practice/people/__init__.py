"""Staff and patients: accounts, passwords, names, recognition, import, erasure."""
