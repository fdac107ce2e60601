"""What a Git host's push webhook says, believed only when it is signed with the tool's own secret."""

import hashlib
import hmac
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from web.refusals import Invalid, Unauthenticated

_COMMIT = re.compile(r"[0-9a-f]{40,64}")

Headers = Callable[[str], str | None]
"""A header's value by its name in any case, None where it was not sent."""


@dataclass(frozen=True)
class Push:
    """Commits that came to a branch or tag."""

    ref: str
    """Full: `refs/heads/main`."""
    commit: str
    default_branch: str
    deleted: bool = False


def read(headers: Headers, body: bytes, secret: str) -> Push | None:
    """The push, or None for another event (a ping); raises `Unauthenticated` or `Invalid`.

    GitHub signs `X-Hub-Signature-256: sha256=<HMAC of the body>`; GitLab shows the secret itself in
    `X-Gitlab-Token`.
    """
    if not _is_signed(headers, body, secret):
        raise Unauthenticated("The signature is missing or wrong. Check the webhook's secret.")
    if _event(headers) not in ("push", "push hook", "tag push hook"):
        return None
    return _push(_payload(headers, body))


def concerns(push: Push, ref: str | None) -> bool:
    """Whether a version that follows `ref` (None: the default branch) has changed by this push."""
    wanted = ref or push.default_branch
    return not push.deleted and push.ref in (wanted, f"refs/heads/{wanted}", f"refs/tags/{wanted}")


def _is_signed(headers: Headers, body: bytes, secret: str) -> bool:
    if given := headers("X-Hub-Signature-256"):
        right = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(given.encode(), right.encode())
    token = headers("X-Gitlab-Token") or ""
    return bool(token) and hmac.compare_digest(token.encode(), secret.encode())


def _event(headers: Headers) -> str:
    return (headers("X-GitHub-Event") or headers("X-Gitlab-Event") or "").strip().lower()


def _payload(headers: Headers, body: bytes) -> dict[str, Any]:
    text = body.decode("utf-8", errors="replace")
    if (headers("Content-Type") or "").startswith("application/x-www-form-urlencoded"):
        text = parse_qs(text).get("payload", [""])[0]
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits is no decoding error
        raise Invalid("The push is no JSON object.") from error
    if not isinstance(found, dict):
        raise Invalid("The push is no JSON object.")
    return found


def _push(payload: dict[str, Any]) -> Push:
    ref, commit = payload.get("ref"), payload.get("after")
    project = payload.get("repository") or {}
    if isinstance(payload.get("project"), dict):
        project = payload["project"]
    branch = project.get("default_branch") if isinstance(project, dict) else None
    if not isinstance(ref, str) or not isinstance(commit, str) or not _COMMIT.fullmatch(commit):
        raise Invalid("The push names no ref or no commit.")
    return Push(
        ref=ref,
        commit=commit,
        default_branch=branch if isinstance(branch, str) else "",
        deleted=set(commit) <= {"0"},
    )
