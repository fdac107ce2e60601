"""My own credentials for my part of the object store."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from shared.schema.accounts import StorageCredential
from web import auth, storage_access
from web.api.answers import SECURED, empty, hit, json
from web.storage_schemas import (
    IssuedStorageCredential,
    StorageCredentialInfo,
    StorageCredentialList,
)


class CredentialPath(BaseModel):
    credential_id: str = Field(max_length=64)


def blueprint() -> APIBlueprint:
    """The routes below `/api/v1/storage-credentials`."""
    routes = APIBlueprint("api_storage_credentials", __name__, url_prefix="/api/v1")

    @routes.post(
        "/storage-credentials",
        summary="Make storage credentials",
        security=SECURED,
        responses={201: IssuedStorageCredential},
    )
    def make() -> Response:
        """For half a day at most; the secret is shown this once, also to a repeated request never again."""
        account = auth.required().account
        ports = auth.ports()
        most = storage_access.allowance(account, ports.plans)
        storage = storage_access.required(ports.storage, ports.settings, most)
        hit("storage")
        row, issued = storage_access.issue(ports.transactions, storage, account.id, most)
        answer = IssuedStorageCredential(
            **_info(row).model_dump(),
            secret_access_key=issued.secret_access_key,
            session_token=issued.session_token,
            bucket=issued.bucket,
            prefix=issued.prefix,
            region=issued.region,
            endpoint=issued.endpoint,
            note=issued.note,
        )
        return json(answer, 201)

    @routes.get(
        "/storage-credentials",
        summary="My storage credentials",
        security=SECURED,
        responses={200: StorageCredentialList},
    )
    def mine() -> Response:
        account = auth.required().account
        with auth.ports().transactions.read() as session:
            found = storage_access.of_account(session, account.id)
        return json(StorageCredentialList(items=[_info(row) for row in found]))

    @routes.delete(
        "/storage-credentials/<credential_id>",
        summary="Revoke storage credentials",
        security=SECURED,
        responses={204: None},
    )
    def revoke(path: CredentialPath) -> Response:
        account = auth.required().account
        ports = auth.ports()
        storage = storage_access.required(ports.storage, ports.settings)
        storage_access.revoke(ports.transactions, storage, account.id, path.credential_id)
        return empty()

    return routes


def _info(row: StorageCredential) -> StorageCredentialInfo:
    return StorageCredentialInfo(
        id=row.id,
        access_key_id=row.access_key_id,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )
