"""Templates as CloudFormation takes them: scripts put in as text, parts named by their address."""

import json
import re
from collections.abc import Callable, Mapping

from cli.failures import Failure

ROOT = "stack.yaml"
USER_DATA_BYTES = 16_384
"""What EC2 takes, before base64."""

_SCRIPT = re.compile(r"^(\s*- )file://([a-z_]+\.sh)$", re.MULTILINE)
_PART = re.compile(r"^(\s*TemplateURL: )\./([a-z]+\.yaml)$", re.MULTILINE)


def packaged(sources: Mapping[str, str], address: Callable[[str], str]) -> dict[str, str]:
    """Every template of `sources`, complete; `address(name)` says where a part will lie."""
    if ROOT not in sources:
        raise Failure("There is no aws_userdata/stack.yaml: this is no release of Toolyard.")

    def script(found: re.Match[str]) -> str:
        # JSON's string is YAML's double-quoted string: nothing in a script can end it early.
        return found[1] + json.dumps(without_comments(_source(sources, found[2])))

    def part(found: re.Match[str]) -> str:
        _source(sources, found[2])
        return found[1] + json.dumps(address(found[2]))

    return {
        name: _PART.sub(part, _SCRIPT.sub(script, text))
        for name, text in sources.items()
        if name.endswith(".yaml")
    }


def without_comments(script: str) -> str:
    """The script without lines that only explain: user data is small."""
    kept = [line for line in script.splitlines() if not line.lstrip().startswith("#")]
    return "\n".join(kept) + "\n"


def _source(sources: Mapping[str, str], name: str) -> str:
    try:
        return sources[name]
    except KeyError:
        raise Failure(f"aws_userdata/{name} is named by a template but not there.") from None
