"""Base images per language, made when first needed from one Debian base and kept: nothing is pulled per build."""

import hashlib
import json
from pathlib import Path

from builder_service import locks
from builder_service.base_recipes import RECIPES
from builder_service.base_recipes.recipe import Recipe
from builder_service.failures import BuildFailed
from builder_service.step_runner import Steps
from shared import debian_base

TAG = "toolyard-base"

# The package mirror is the one that the Debian base was made from (the registry's image names it in the new
# format); its security suite stands beside it.
# `--unless FILE`: nothing is needed when the file is there. `--known`: names that follow from a rule, of
# which those that Debian does not have are told and left out.
APT = """
set -e
[ "$1" = "--unless" ] && { [ -e "$2" ] && exit 0; shift 2; }
new=/etc/apt/sources.list.d/debian.sources
if [ -e "$new" ]; then
  awk '$1 == "URIs:" { print "deb " $2 " bookworm main"; exit }' "$new" > /etc/apt/sources.list
  rm "$new"
fi
mirror=$(awk '$1 == "deb" { print $2; exit }' /etc/apt/sources.list)
case "$mirror" in */debian)
  echo "deb $mirror-security bookworm-security main" > /etc/apt/sources.list.d/security.list ;;
esac
if [ -n "$SSL_CERT_FILE" ]; then echo "Acquire::https::CaInfo \\"$SSL_CERT_FILE\\";" > /tmp/apt.conf; export APT_CONFIG=/tmp/apt.conf; fi
apt="apt-get -qq -y -o Dpkg::Use-Pty=0"
$apt update
[ "$1" = "--upgrade" ] && { shift; $apt upgrade; }
if [ "$1" = "--known" ]; then
  shift
  apt-cache pkgnames > /tmp/names
  for name in "$@"; do
    shift
    if grep -qxF -e "$name" /tmp/names; then set -- "$@" "$name"; else echo "Debian has no package $name"; fi
  done
  rm /tmp/names
fi
[ $# -eq 0 ] || $apt install --no-install-recommends -- "$@"
apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/apt/* /var/log/dpkg.log
"""


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
        return debian_base.once(
            steps.containers,
            tag,
            lambda own: steps.containers.commit(
                container, own, env={"LANG": "C.UTF-8"}, labels={"base": name}
            ),
        )
    finally:
        steps.containers.remove(container)


def _key(name: str, parent: str, recipe: Recipe) -> str:
    text = json.dumps([name, parent, recipe.version])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
