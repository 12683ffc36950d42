"""Change tracking (RFC 6578): revisions, identities, tokens, what other programs hear."""
