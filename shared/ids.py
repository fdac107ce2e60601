"""Random identifiers and secrets; never derived from a counter (a restored backup would repeat them)."""

import hashlib
import secrets

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u


def new_id(prefix: str) -> str:
    """`run_7k2m…`: a prefix that people recognise and 80 random bits."""
    return prefix + "_" + "".join(_ALPHABET[byte % 32] for byte in secrets.token_bytes(16))


def new_secret(prefix: str) -> str:
    """A token of 256 random bits with a findable prefix; store only its `digest`."""
    return prefix + "_" + secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """The SHA-256 (hex) under which a high-entropy secret is stored and looked up."""
    return hashlib.sha256(secret.encode()).hexdigest()
