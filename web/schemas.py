"""What the API takes and gives: its own models, so that tables can change without it."""

from pydantic import BaseModel, ConfigDict, Field


class Given(BaseModel):
    """A request's body; unknown fields are refused, so that a typing error is not ignored."""

    model_config = ConfigDict(extra="forbid")


class Problem(BaseModel):
    code: str
    message: str
    details: dict[str, object] = {}


class ErrorAnswer(BaseModel):
    error: Problem


class Page(Given):
    """How to walk through a list: `cursor` is the last answer's `next`."""

    model_config = ConfigDict(extra="ignore")

    cursor: str | None = Field(default=None, max_length=200)
    limit: int = Field(default=50, ge=1, le=200)


class Me(BaseModel):
    id: str
    email: str
    is_admin: bool
    plan: str


class NewToken(Given):
    """For the caller; or, without signing in first, for an e-mail address and password."""

    email: str | None = Field(default=None, max_length=254)
    password: str | None = Field(default=None, max_length=1024)
    name: str = Field(default="token", min_length=1, max_length=100)
    """What the token is for."""
    days: int | None = Field(default=None, ge=1, le=3650)
    """How long it holds; the installation's own default where left out."""


class TokenInfo(BaseModel):
    id: str
    name: str
    created_at: int
    expires_at: int | None


class IssuedToken(TokenInfo):
    token: str
    """Shown this once."""


class Tokens(BaseModel):
    items: list[TokenInfo]
    next: str | None = None
