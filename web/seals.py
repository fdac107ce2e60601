"""Secrets that must be used again, not only compared, lie in the database sealed: AES-256-GCM."""

import hashlib
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE = 12


class BrokenSeal(Exception):
    """The bytes were sealed with another key or for another purpose, or they are damaged."""


class Seals:
    """Seals under one key of the installation; what was sealed for one purpose opens for no other."""

    def __init__(self, key: str) -> None:
        self._cipher = AESGCM(hashlib.sha256(b"toolyard-seal:" + key.encode()).digest())

    def seal(self, text: str, purpose: str) -> bytes:
        """Bytes for a column; the same text never gives the same bytes twice."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._cipher.encrypt(nonce, text.encode(), purpose.encode())

    def open(self, sealed: bytes, purpose: str) -> str:
        """The text; raises `BrokenSeal`."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], purpose.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise BrokenSeal(purpose) from error
