"""Who I am, and my API tokens."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel

from shared.schema.accounts import Account, ApiToken
from web import auth, sign_in, tokens
from web.api.answers import SECURED, empty, json
from web.refusals import Absent, Invalid
from web.schemas import IssuedToken, Me, NewToken, TokenInfo, Tokens


class TokenPath(BaseModel):
    token_id: str


def blueprint() -> APIBlueprint:
    """The routes below `/api/v1` about the caller."""
    routes = APIBlueprint("api_accounts", __name__, url_prefix="/api/v1")

    @routes.get("/me", summary="Who am I", security=SECURED, responses={200: Me})
    def me() -> Response:
        account = auth.required().account
        return json(
            Me(id=account.id, email=account.email, is_admin=account.is_admin, plan=account.plan)
        )

    @routes.post("/tokens", summary="Make a token", responses={201: IssuedToken})
    def make_token(body: NewToken) -> Response:
        return json(_issue(_owner(body).id, body.name, body.days), 201)

    @routes.get("/tokens", summary="My tokens", security=SECURED, responses={200: Tokens})
    def my_tokens() -> Response:
        account = auth.required().account
        with auth.ports().transactions.read() as session:
            found = tokens.of_account(session, account.id)
        return json(Tokens(items=[_info(token) for token in found]))

    @routes.delete(
        "/tokens/<token_id>", summary="Revoke a token", security=SECURED, responses={204: None}
    )
    def revoke_token(path: TokenPath) -> Response:
        account = auth.required().account
        with auth.ports().transactions.begin() as session:
            if not tokens.revoke(session, account.id, path.token_id):
                raise Absent("You have no such token.")
        return empty()

    return routes


def _owner(body: NewToken) -> Account:
    if body.email is None and body.password is None:
        return auth.required().account
    if body.email is None or body.password is None:
        raise Invalid("Give both e-mail address and password, or neither and a token.")
    return sign_in.account_by_password(
        auth.ports().transactions, body.email, body.password, auth.caller(body.email)
    )


def _issue(account_id: str, name: str, days: int | None) -> IssuedToken:
    ports = auth.ports()
    days = ports.settings.token_days if days is None else days
    with ports.transactions.begin() as session:
        token, secret = tokens.issue(session, account_id, name=name, days=days)
    return IssuedToken(token=secret, **_info(token).model_dump())


def _info(token: ApiToken) -> TokenInfo:
    return TokenInfo(
        id=token.id, name=token.name, created_at=token.created_at, expires_at=token.expires_at
    )
