"""How an image was made, as an in-toto statement with SLSA's predicate, for programs that check supply chains.

Shapes: in-toto.io/Statement/v1, slsa.dev/provenance/v1. It is not signed: it says what this
installation recorded, over the connection that it is read from.
"""

from datetime import UTC, datetime
from typing import Any

from shared.schema.tools import Tool, Version
from shared.work import Provenance

BUILD_TYPE = "urn:toolyard:build:v1"


def statement(tool: Tool, version: Version, builder: str) -> dict[str, Any] | None:
    """The statement for a version's image, None for a version whose making was not recorded."""
    if version.provenance is None or version.image is None:
        return None
    made = Provenance.model_validate(version.provenance)
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {
                "name": f"{tool.name}@{version.number}",
                "digest": {"sha256": _hex(version.image)},
            }
        ],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "repository": made.repository,
                    "ref": version.ref,
                    "folder": version.folder,
                    "plan": version.plan,
                },
                "internalParameters": {"identity": made.identity},
                "resolvedDependencies": [
                    {
                        "uri": f"git+{made.repository}",
                        "digest": {"gitCommit": made.commit, "sha256": made.source_sha256},
                    },
                    *(
                        {"uri": f"base:{name}", "digest": {"sha256": _hex(digest)}}
                        for name, digest in sorted(made.bases.items())
                    ),
                ],
            },
            "runDetails": {
                "builder": {"id": builder, "version": {"builder": made.builder_version}},
                "metadata": {"finishedOn": _time(version.ready_at)},
            },
        },
    }


def _hex(digest: str) -> str:
    return digest.removeprefix("sha256:")


def _time(at: int | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at / 1000, UTC).isoformat()
