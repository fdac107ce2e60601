"""What the API gives of storage credentials."""

from pydantic import BaseModel


class StorageCredentialInfo(BaseModel):
    id: str
    access_key_id: str
    created_at: int
    expires_at: int
    revoked_at: int | None = None
    """Set: revoked, but the store has not taken it yet; until it has, the credential may still hold."""


class IssuedStorageCredential(StorageCredentialInfo):
    """Shown this once; as AWS's own programs take them from the environment."""

    secret_access_key: str
    session_token: str
    bucket: str
    prefix: str
    region: str
    endpoint: str
    """Empty: AWS's own."""
    note: str = ""
    """Why they last less than half a day, where they do."""


class StorageCredentialList(BaseModel):
    items: list[StorageCredentialInfo]
    next: str | None = None
