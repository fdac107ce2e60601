"""Debian's next release, for toolchains that bookworm has only in an old version: the one base, upgraded."""

from builder_service.base_recipes.recipe import USER, Recipe

# `$mirror` and `$apt` are those of the script that installs a recipe's packages, which comes before. With a
# slash at its end the mirror is not taken for bookworm's again, whose security suite must not come back.
_UPGRADE = """
rm -f /etc/apt/sources.list.d/*
echo "deb $mirror/ trixie main" > /etc/apt/sources.list
case "$mirror" in */debian) echo "deb $mirror-security/ trixie-security main" >> /etc/apt/sources.list ;; esac
$apt update
$apt dist-upgrade
$apt autoremove
apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/apt/* /var/log/dpkg.log
"""

RECIPES = {"trixie": Recipe("debian", ("ca-certificates",), USER + _UPGRADE)}
