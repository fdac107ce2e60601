"""The files of a run: what they may be called and how large they may be together."""

from collections.abc import Sequence

from web.refusals import Invalid, TooLarge

MAX_INPUTS = 1000
MAX_NAME_BYTES = 255


def check_name(name: str) -> str:
    """The name itself, or `Invalid`: spaces and newlines are fine, anything that is a path is not."""
    shown = repr(name[:80])
    if name in ("", ".", ".."):
        raise Invalid(f"An input cannot be called {shown}; give the file a name.")
    if "/" in name or "\0" in name:
        raise Invalid(
            f"The input name {shown} contains '/' or a NUL character. Inputs stand side by side in "
            "the working folder; give the file a plain name."
        )
    try:
        size = len(name.encode())
    except UnicodeEncodeError as error:
        raise Invalid(f"The input name {shown} is not valid Unicode; rename the file.") from error
    if size > MAX_NAME_BYTES:
        raise Invalid(f"The input name {shown}… is longer than {MAX_NAME_BYTES} bytes; shorten it.")
    return name


def check_names(names: Sequence[str]) -> None:
    """Refuse names that cannot stand side by side in one folder."""
    if len(names) > MAX_INPUTS:
        raise Invalid(f"There are {len(names)} inputs; at most {MAX_INPUTS} are possible.")
    seen: set[str] = set()
    for name in names:
        if check_name(name) in seen:
            raise Invalid(f"Two inputs are called {name[:80]!r}; rename one of them.")
        seen.add(name)


def check_size(total: int, limit: int) -> None:
    """Refuse inputs that are together larger than the plan allows."""
    if total > limit:
        raise TooLarge(
            f"The inputs have {total:,} bytes together; your plan allows {limit:,}. "
            "Leave some out or compress them.",
            details={"bytes": total, "limit": limit},
        )
