"""A bill of materials as CycloneDX 1.6 JSON (ECMA-424): what an image holds, the same text for the same image."""

import json
from collections.abc import Iterable
from urllib.parse import quote

from builder_service.inventory import Component
from shared.work import Provenance

_DEBIAN = "debian/"


def document(name: str, made: Provenance, licence: str, components: Iterable[Component]) -> str:
    """The document; it has no time and no serial number, so that it can be compared."""
    about: dict[str, object] = {
        "type": "application",
        "name": name,
        "version": made.commit,
        "purl": f"pkg:generic/{quote(name, safe='')}@{made.commit}",
        "externalReferences": [{"type": "vcs", "url": made.repository}],
    }
    if licence and not licence.startswith("see "):
        about["licenses"] = [{"license": {"name": licence}}]
    return json.dumps(
        {
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "version": 1,
            "metadata": {
                "component": about,
                "properties": [
                    {"name": "toolyard:identity", "value": made.identity},
                    *(
                        {"name": f"toolyard:base:{name}", "value": digest}
                        for name, digest in sorted(made.bases.items())
                    ),
                ],
            },
            "components": [_component(one) for one in components],
        },
        indent=1,
    )


def _component(one: Component) -> dict[str, object]:
    purl = f"pkg:{one.kind}/{_path(one)}@{quote(one.version, safe='.+-~:')}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": one.name,
        "version": one.version,
        "purl": purl,
    }


def _path(one: Component) -> str:
    """The name as its kind of package URL writes it (github.com/package-url/purl-spec)."""
    if one.kind == "deb":
        return _DEBIAN + quote(one.name, safe="")
    if one.kind == "pypi":
        return quote(one.name.lower().replace("_", "-"), safe="")
    return "/".join(quote(part, safe="") for part in one.name.split("/"))
