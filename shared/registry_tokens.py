"""Tokens for a registry that believes our certificate (the registry's token authentication): signed, short, for one repository."""

import base64
import datetime
import json
import secrets
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

ISSUER = "toolyard"
SERVICE = "toolyard"
_YEARS = 20
_EARLIER_SECONDS = 60
"""The registry's clock may be behind ours by so much."""


def new_key() -> str:
    """A private key and its self-signed certificate, as PEM; to be kept as one secret."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "toolyard registry tokens")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=365 * _YEARS))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    return (private + public).decode().strip()


def certificate_of(key: str) -> str:
    """The part that the registry must know (its `rootcertbundle`)."""
    return key[key.index("-----BEGIN CERTIFICATE-----") :] + "\n"


class TokenSigner:
    """Signs what one bearer may do in one repository."""

    def __init__(self, key: str) -> None:
        private = serialization.load_pem_private_key(key.encode(), None)
        if not isinstance(private, ec.EllipticCurvePrivateKey):
            raise ValueError("The registry's key is not of the kind that we made.")
        self._key = private
        certificate = x509.load_pem_x509_certificate(certificate_of(key).encode())
        self._chain = base64.b64encode(
            certificate.public_bytes(serialization.Encoding.DER)
        ).decode()

    def token(self, name: str, actions: Sequence[str], *, now: float, seconds: int) -> str:
        """For the repository `name` (without host), `actions` of `pull` and `push`."""
        header = {"typ": "JWT", "alg": "ES256", "x5c": [self._chain]}
        claims = {
            "iss": ISSUER,
            "sub": "worker",
            "aud": SERVICE,
            "iat": int(now),
            "nbf": int(now) - _EARLIER_SECONDS,
            "exp": int(now) + seconds,
            "jti": secrets.token_urlsafe(12),
            "access": [{"type": "repository", "name": name, "actions": list(actions)}],
        }
        signed = f"{_encoded(json.dumps(header))}.{_encoded(json.dumps(claims))}"
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_base64url(r.to_bytes(32) + s.to_bytes(32))}"


def _encoded(text: str) -> str:
    return _base64url(text.encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
