"""How programs of `in_base/` come into a base image: their text is part of its script."""

from pathlib import Path

_FOLDER = Path(__file__).parent.parent / "in_base"
_PLACE = "/usr/local/lib/toolyard/builder_service"
_SHARE = "/usr/local/share/toolyard"
_END = "END_OF_TOOLYARD_PROGRAM"


def installed(command: str, *modules: str) -> str:
    """Shell lines that install `command`, which runs the first of these modules."""
    lines = [
        f"mkdir -p {_PLACE}/in_base",
        f"touch {_PLACE}/__init__.py {_PLACE}/in_base/__init__.py",
    ]
    for module in modules:
        text = (_FOLDER / f"{module}.py").read_text()
        lines.append(f"cat > {_PLACE}/in_base/{module}.py <<'{_END}'\n{text}{_END}")
    lines.append(
        f"""cat > /usr/local/bin/{command} <<'{_END}'
#!/bin/sh
if [ -n "$SSL_CERT_FILE" ]; then
  echo "Acquire::https::CaInfo \\"$SSL_CERT_FILE\\";" > /tmp/toolyard-apt.conf
  export APT_CONFIG=/tmp/toolyard-apt.conf
fi
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/usr/local/lib/toolyard exec python3 -P -m builder_service.in_base.{modules[0]} "$@"
{_END}
chmod 755 /usr/local/bin/{command}"""
    )
    return "\n".join(lines) + "\n"


# The suite after the base's own: libraries are taken as sources, and newer ones fit more tools.
# apt checks these lists against the archive's signature, as it does with packages.
def contents(architecture: str, filter_: str, target: str) -> str:
    """Shell lines that keep an index of Debian's packages: what `filter_` (awk) prints of their contents."""
    return f"""
mkdir -p {_SHARE} /tmp/apt/lists/partial
awk '$1 == "deb" {{ print "deb", $2, "trixie main"; exit }}' /etc/apt/sources.list > {_SHARE}/apt.list
if [ -n "$SSL_CERT_FILE" ]; then echo "Acquire::https::CaInfo \\"$SSL_CERT_FILE\\";" > /tmp/apt.conf; export APT_CONFIG=/tmp/apt.conf; fi
apt-get -qq update -o Dir::Etc::sourcelist={_SHARE}/apt.list -o Dir::Etc::sourceparts=- -o Dir::State::lists=/tmp/apt/lists -o Dir::Cache=/tmp/apt \\
  -o 'Acquire::IndexTargets::deb::Contents::MetaKey=$(COMPONENT)/Contents-{architecture}' \\
  -o 'Acquire::IndexTargets::deb::Contents::ShortDescription=Contents' -o 'Acquire::IndexTargets::deb::Contents::Description=Contents'
/usr/lib/apt/apt-helper cat-file /tmp/apt/lists/*_main_Contents-{architecture}* | awk '{filter_}' | sort -u > {_SHARE}/{target}
test -s {_SHARE}/{target}
"""
