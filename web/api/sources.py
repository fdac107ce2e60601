"""Private repositories and pushes: credentials for Git hosts, and the webhooks that make new versions."""

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel, Field, SecretStr
from sqlalchemy.orm import Session

from shared.schema.tools import SourceCredential, Tool
from web import auth, newest_commit, pushes, rebuild_on_push, source_credentials
from web.api import found, shown
from web.api.answers import SECURED, created, empty, hit, json, wake
from web.refusals import Unauthenticated
from web.schemas import Given, PreviewInfo


class NewCredential(Given):
    """An access token of a Git host that may read the repositories."""

    host: str = Field(min_length=1, max_length=300)
    username: str = Field(default="", max_length=200)
    """Empty for hosts that look at the token alone (GitHub, GitLab)."""
    secret: SecretStr


class CredentialInfo(BaseModel):
    """What is stored, without the secret."""

    id: str
    host: str
    username: str
    created_at: int


class CredentialList(BaseModel):
    items: list[CredentialInfo]


class CredentialPath(BaseModel):
    credential_id: str = Field(max_length=64)


class ToolPath(BaseModel):
    tool: str = Field(max_length=200)
    """Name or id."""


class HookPath(BaseModel):
    tool_id: str = Field(max_length=64)


class WebhookInfo(BaseModel):
    """Enter both at the Git host (content type JSON, event push); the secret is shown this once."""

    url: str
    secret: str


class PushAnswer(BaseModel):
    message: str
    build_id: str | None = None
    version: int | None = None


def blueprint() -> APIBlueprint:
    """The routes below `/api/v1` about where sources come from."""
    routes = APIBlueprint("api_sources", __name__, url_prefix="/api/v1")

    @routes.post(
        "/source-credentials",
        summary="Store a token for a Git host",
        security=SECURED,
        responses={201: CredentialInfo},
    )
    def store(body: NewCredential) -> Response:
        """It replaces an earlier one for this host; it is used to clone your own private tools, only."""
        account = auth.required().account
        ports = auth.ports()
        with ports.transactions.begin() as session:
            row = source_credentials.store(
                session,
                ports.seals,
                account,
                host=body.host,
                username=body.username,
                secret=body.secret.get_secret_value(),
                allowed_hosts=ports.settings.allowed_hosts,
            )
            return json(_info(row), 201)

    @routes.get(
        "/source-credentials",
        summary="My Git hosts",
        security=SECURED,
        responses={200: CredentialList},
    )
    def listed() -> Response:
        account = auth.required().account
        with auth.ports().transactions.read() as session:
            rows = source_credentials.of_account(session, account.id)
            return json(CredentialList(items=[_info(row) for row in rows]))

    @routes.delete(
        "/source-credentials/<credential_id>",
        summary="Forget a token",
        security=SECURED,
        responses={204: None},
    )
    def remove(path: CredentialPath) -> Response:
        account = auth.required().account
        with auth.ports().transactions.begin() as session:
            source_credentials.remove(session, account, path.credential_id)
        return empty()

    @routes.post(
        "/tools/<tool>/webhook",
        summary="Build on push",
        security=SECURED,
        responses={201: WebhookInfo},
    )
    def open_hook(path: ToolPath) -> Response:
        """A new secret each time; the one before is void from now on."""
        account = auth.required().account
        ports = auth.ports()
        with ports.transactions.begin() as session:
            tool = found.tool(session, account, path.tool)
            secret = rebuild_on_push.open_hook(session, ports.seals, account, tool)
            url = f"{ports.settings.url}/api/v1/hooks/{tool.id}"
        return json(WebhookInfo(url=url, secret=secret), 201)

    @routes.delete(
        "/tools/<tool>/webhook",
        summary="Stop building on push",
        security=SECURED,
        responses={204: None},
    )
    def close_hook(path: ToolPath) -> Response:
        account = auth.required().account
        with auth.ports().transactions.begin() as session:
            tool = found.tool(session, account, path.tool)
            rebuild_on_push.close_hook(session, account, tool)
        return empty()

    @routes.post(
        "/tools/<tool>/newest",
        summary="Is there a newer commit?",
        security=SECURED,
        responses={201: PreviewInfo},
    )
    def ask(path: ToolPath) -> Response:
        """The preview's `commit` is what the branch or tag holds now; the tool shows it as well."""
        account = auth.required().account
        ports = auth.ports()
        hit("preview")

        def make(session: Session) -> tuple[int, BaseModel]:
            preview = newest_commit.ask(
                session,
                account,
                found.tool(session, account, path.tool),
                allowed_hosts=ports.settings.allowed_hosts,
                plans=ports.plans,
            )
            return 201, shown.preview(preview)

        return created(make)

    @routes.post("/hooks/<tool_id>", summary="A push, signed", responses={200: PushAnswer})
    def pushed(path: HookPath) -> Response:
        """Called by GitHub or GitLab; the signature is the only proof that is asked for."""
        hit("hook")
        ports = auth.ports()
        with ports.transactions.read() as session:
            secret = rebuild_on_push.secret_of(ports.seals, session.get(Tool, path.tool_id))
        if secret is None:
            # As for a wrong signature: whoever asks does not learn which tools exist.
            raise Unauthenticated("The signature is missing or wrong. Check the webhook's secret.")
        push = pushes.read(request.headers.get, request.get_data(cache=False), secret)
        if push is None:
            return json(PushAnswer(message="Ready: pushes will be built."))
        with ports.transactions.begin() as session:
            tool = session.get_one(Tool, path.tool_id)
            answer = rebuild_on_push.on_push(session, tool, push, ports.plans)
            added = answer.added
            said = PushAnswer(
                message=answer.sentence,
                build_id=added.build.id if added else None,
                version=added.version.number if added else None,
            )
            owner = tool.account_id
        if added:
            wake(f"account:{owner}")
        return json(said, 201 if added else 200)

    return routes


def _info(row: SourceCredential) -> CredentialInfo:
    return CredentialInfo(
        id=row.id, host=row.host, username=row.username, created_at=row.created_at
    )
