"""Releases that dropped what older programs still use: by the words of the failure, the constraint that helps.

Curated, each by the project's own notes on the release; a wrong match costs one plan, never a wrong tool.
"""

import re
from collections.abc import Iterator

_DROPPED = (
    (r"module 'numpy' has no attribute '(?:int|float|bool|object|str|complex)'", "numpy<1.24"),
    (r"numpy\.dtype size changed|compiled using NumPy 1\.x cannot be run|`np\.\w+` was removed in the NumPy 2", "numpy<2"),
    (r"cannot import name '(?:_unicodefun|get_terminal_size)' from 'click|module 'click' has no attribute 'get_terminal_size'", "click<8.1"),
    (r"cannot import name '(?:escape|Markup|contextfilter|environmentfilter)' from 'jinja2'", "jinja2<3.1"),
    (r"cannot import name 'soft_unicode' from 'markupsafe'", "markupsafe<2.1"),
    (r"cannot import name 'url_\w+' from 'werkzeug\.urls'", "werkzeug<3"),
    (r"Descriptors cannot (?:not )?be created directly", "protobuf<3.21"),
    (r"cannot import name 'DEFAULT_CIPHERS' from 'urllib3|No module named 'urllib3\.contrib\.appengine'", "urllib3<2"),
    (r"'EntryPoints' object has no attribute 'get'", "importlib-metadata<5"),
)  # fmt: skip
_PATTERNS = tuple((re.compile(pattern), constraint) for pattern, constraint in _DROPPED)


def constraints(said: str) -> Iterator[str]:
    """What the text asks for, in the order of the list."""
    for pattern, constraint in _PATTERNS:
        if pattern.search(said):
            yield constraint
