"""What a pasted Git link means: where to clone, which ref and folder; or a sentence on why it cannot be used."""

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from shared import addresses

MAX_LENGTH = 2000

_LABEL = re.compile(r"^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$")
_SCHEME = re.compile(r"^([a-zA-Z][a-zA-Z0-9+.-]*)://")
_SCP = re.compile(r"^(?:[\w.-]+@)?([\w.-]+\.[\w-]+):(?!//)(?!\d+(/|$))(.+)$")
_SEGMENT = re.compile(r"^[\w.,~+@=!$'()*&-]+$")
_SAFE = "/.,~+@=!$'()*&-"
_REF_BAD = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|\.lock(/|$)|/\.|^[-./]|[./]$")
_PRIVATE_SUFFIXES = (".local", ".localhost", ".internal", ".intranet", ".lan", ".home", ".corp")
_PAGES = {"tree", "blob", "raw", "src", "commit", "commits", "releases", "tags", "issues", "pull"} | {
    "pulls", "wiki", "actions", "merge_requests", "branches", "blame", "edit", "graphs", "network",
}  # fmt: skip


class BadLink(ValueError):
    """The link cannot be used; the text says why and what to do."""


@dataclass(frozen=True)
class GitLink:
    """A checked link: `url` is what Git gets, `ref` and `folder` what a `/tree/…` link pointed at."""

    scheme: str
    host: str
    port: int
    path: str
    url: str
    ref: str | None = None
    folder: str = ""

    @property
    def name(self) -> str:
        """The repository's own name."""
        return self.path.rsplit("/", 1)[-1].removesuffix(".git")

    @property
    def authority(self) -> str:
        """`host:port` as operators write it in the allow set."""
        return f"{self.host}:{self.port}"


def parse(link: str, allowed: Collection[str] = ()) -> GitLink:
    """The link's parts, or `BadLink`; `allowed` holds the operator's `host:port`, http and private ones included."""
    text = link.strip()
    _refuse_obvious(text)
    scheme, rest = _scheme(text)
    try:
        parts = urlsplit(f"{scheme}://{rest}")
        port = parts.port or (443 if scheme == "https" else 80)
    except ValueError as error:
        raise BadLink(
            "The link's port or address cannot be read. Check it for typing errors."
        ) from error
    if "@" in parts.netloc:
        raise BadLink(
            "Take the user name or password out of the link; it would be shown to others."
        )
    host = _host(parts.hostname or "")
    ip = _ip(host)
    if ip is not None and addresses.is_metadata(ip):
        raise BadLink("The link leads to a cloud's metadata service, which is never reached.")
    path, ref, folder = _path(host, parts.path)
    if f"{host}:{port}" not in allowed:
        _refuse_private(host, scheme, port, rest)
    shown = f"[{host}]" if ":" in host else host
    default = port == (443 if scheme == "https" else 80)
    url = f"{scheme}://{shown}{'' if default else f':{port}'}/{quote(path, safe=_SAFE)}"
    return GitLink(scheme, host, port, path, url, ref, folder)


def check_ref(ref: str) -> str:
    """A branch, tag or commit name that Git accepts, or `BadLink`."""
    ref = ref.strip()
    if not ref or len(ref) > 250 or _REF_BAD.search(ref) or ref == "@":
        raise BadLink(
            "The ref is not a branch, tag or commit name. Take it as Git shows it, like v1.2 or main."
        )
    return ref


def check_folder(folder: str) -> str:
    """A folder below the repository's root without leading or trailing slash, or `BadLink`."""
    parts = [part for part in folder.strip().split("/") if part not in ("", ".")]
    bad = any(
        part == ".." or part.lower() == ".git" or not part.isprintable() or "\\" in part
        for part in parts
    )
    if bad or len(folder) > 500:
        raise BadLink("The folder must lie inside the repository, like tools/convert.")
    return "/".join(parts)


def _refuse_obvious(text: str) -> None:
    if not text:
        raise BadLink("Paste a link to a Git repository, like https://github.com/owner/name.")
    if len(text) > MAX_LENGTH:
        raise BadLink(f"The link is longer than {MAX_LENGTH} characters.")
    if not text.isprintable() or re.search(r"\s", text) or "\\" in text:
        raise BadLink(
            "The link contains spaces, line breaks or backslashes. Paste the bare address."
        )
    if text.startswith("-") or ("::" in text.split("/", 1)[0] and not text.startswith("[")):
        raise BadLink(
            "This is not a link to a Git repository. Use one like https://github.com/owner/name."
        )


def _scheme(text: str) -> tuple[str, str]:
    found = _SCHEME.match(text)
    if found is None:
        scp = _SCP.match(text)
        if scp is not None:
            raise BadLink(
                "Links over SSH need a key of yours. Use the https link instead: "
                f"https://{scp[1]}/{scp[3].removesuffix('.git').lstrip('/')}"
            )
        first = text.split("/", 1)[0]
        if "." not in first or text.startswith((".", "/", "~")) or "/" not in text:
            raise BadLink(
                "This is not a link to a Git repository. Use one like https://github.com/owner/name."
            )
        return "https", text
    scheme, rest = found[1].lower().removeprefix("git+"), text[found.end() :]
    if scheme in ("http", "https"):
        return scheme, rest
    if scheme in ("ssh", "git"):
        raise BadLink(
            f"Links that begin with {scheme}:// cannot be used. Use the repository's https link."
        )
    raise BadLink(
        f"Links that begin with {scheme}:// cannot be used; only https links to Git repositories."
    )


def _host(name: str) -> str:
    host = name.rstrip(".").lower()
    if _ip(host) is not None:
        return host
    try:
        host = host.encode("idna").decode("ascii") if not host.isascii() else host
    except UnicodeError as error:
        raise BadLink("The link's host name cannot be read. Check it for typing errors.") from error
    labels = host.split(".")
    if not host or len(host) > 253 or not all(_LABEL.match(label) for label in labels):
        raise BadLink("The link's host name cannot be read. Check it for typing errors.")
    # Resolvers read 2130706433, 0x7f.1 and 0177.0.0.1 as addresses.
    if re.fullmatch(r"\d+|0x[0-9a-f]*", labels[-1]):
        raise BadLink(
            "The link names a host by a number. Use its name, as in https://github.com/owner/name."
        )
    return host


def _ip(host: str) -> addresses.Address | None:
    try:
        return ipaddress.ip_address(host.split("%", 1)[0])
    except ValueError:
        return None


def _refuse_private(host: str, scheme: str, port: int, rest: str) -> None:
    ip = _ip(host)
    kind = addresses.forbidden(ip) if ip is not None else None
    if kind is not None:
        raise BadLink(
            f"The link leads to an address that is {kind}. Only public Git hosts can be used; "
            "an operator can allow an internal one."
        )
    if ip is None and ("." not in host or host.endswith(_PRIVATE_SUFFIXES)):
        raise BadLink(
            f"The host {host} is a name of a private network. Only public Git hosts can be used; "
            "an operator can allow an internal one."
        )
    if scheme == "http":
        raise BadLink(f"Links must begin with https://. Try https://{rest}")
    if port != 443 and port < 1024:
        raise BadLink(
            f"Port {port} is not used for Git over https. Leave the port out of the link."
        )


def _path(host: str, raw: str) -> tuple[str, str | None, str]:
    segments = [unquote(part) for part in raw.split("/") if part]
    if not all(_SEGMENT.match(part) or part in ("-",) for part in segments[:2]) or any(
        part == ".." or part == "." or not part.isprintable() or "/" in part or "\\" in part
        for part in segments
    ):
        raise BadLink(
            "The link's path cannot be read. Use a link like https://github.com/owner/name."
        )
    repository, page = _split(host, segments)
    if not repository or any(
        part.startswith("-") or not _SEGMENT.match(part) for part in repository
    ):
        raise BadLink(
            f"The link names {host} but no repository. Use one like https://github.com/owner/name."
        )
    ref, folder = _page(page)
    return "/".join(repository), ref, folder


def _split(host: str, segments: list[str]) -> tuple[list[str], list[str]]:
    """The repository's segments and the web page's: `…/-/tree/x`, `…/name.git/…`, `owner/name/tree/x`."""
    if "-" in segments:
        at = segments.index("-")
        return segments[:at], segments[at + 1 :]
    for at, part in enumerate(segments):
        if part.endswith(".git") and part != ".git":
            return segments[: at + 1], segments[at + 1 :]
    if host in ("github.com", "codeberg.org", "bitbucket.org"):
        return (segments[:2], segments[2:]) if len(segments) >= 2 else ([], [])
    for at, part in enumerate(segments):
        if at >= 2 and part in _PAGES:
            return segments[:at], segments[at:]
    return segments, []


def _page(page: list[str]) -> tuple[str | None, str]:
    if len(page) < 2:
        return None, ""
    kind, rest = page[0], page[1:]
    if kind == "src" and rest[0] in ("branch", "tag", "commit") and len(rest) > 1:
        rest = rest[1:]
    elif kind == "releases":
        return (
            (check_ref("/".join(rest[1:])), "")
            if rest[0] == "tag" and len(rest) > 1
            else (None, "")
        )
    elif kind in ("commit", "commits"):
        return check_ref(rest[0]), ""
    elif kind not in ("tree", "blob", "src"):
        return None, ""
    below = rest[1:-1] if kind == "blob" else rest[1:]
    return check_ref(rest[0]), check_folder("/".join(below))
