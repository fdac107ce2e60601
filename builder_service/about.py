"""What a repository says of itself: readme, one-line description, licence."""

import re
from dataclasses import dataclass

from builder_service.detect.tree import Tree

MAX_README = 200_000
_READMES = (
    "readme.md",
    "readme.rst",
    "readme.txt",
    "readme",
    "readme.markdown",
    "readme.org",
    "readme.adoc",
)
_LICENCES = (
    ("Apache-2.0", r"Apache License\s+Version 2\.0"),
    ("AGPL-3.0", r"GNU AFFERO GENERAL PUBLIC LICENSE\s+Version 3"),
    ("LGPL-3.0", r"GNU LESSER GENERAL PUBLIC LICENSE\s+Version 3"),
    ("LGPL-2.1", r"GNU LESSER GENERAL PUBLIC LICENSE\s+Version 2\.1"),
    ("GPL-3.0", r"GNU GENERAL PUBLIC LICENSE\s+Version 3"),
    ("GPL-2.0", r"GNU GENERAL PUBLIC LICENSE\s+Version 2"),
    ("MPL-2.0", r"Mozilla Public License,? (?:Version|v\.) ?2\.0"),
    ("MIT", r"Permission is hereby granted, free of charge, to any person obtaining a copy"),
    ("BSD-3-Clause", r"Redistribution and use in source and binary forms[\s\S]*Neither the name"),
    ("BSD-2-Clause", r"Redistribution and use in source and binary forms"),
    ("ISC", r"Permission to use, copy, modify, and/or distribute this software for any purpose"),
    ("Unlicense", r"This is free and unencumbered software released into the public domain"),
    ("CC0-1.0", r"CC0 1\.0 Universal"),
    ("Zlib", r"This software is provided 'as-is', without any express or implied\s+warranty"),
    ("BSL-1.0", r"Boost Software License"),
    ("WTFPL", r"DO WHAT THE FUCK YOU WANT TO"),
)


@dataclass(frozen=True)
class About:
    """Texts for the tool's page."""

    readme: str
    description: str
    licence: str


def about(tree: Tree) -> About:
    """Found in the usual files of the tool's folder."""
    here = {entry.name.lower(): entry.path for entry in tree.files if entry.depth == 0}
    readme = next((tree.text(here[name])[:MAX_README] for name in _READMES if name in here), "")
    return About(
        readme,
        _manifest(tree, "description")[:500] or _first_sentence(readme),
        _licence(tree, here),
    )


def _manifest(tree: Tree, key: str) -> str:
    """A one-line text of pyproject.toml, package.json, setup.cfg or setup.py."""
    for path, pattern in (
        ("pyproject.toml", rf'^{key}\s*=\s*["\'](.+?)["\']\s*$'),
        ("package.json", rf'^\s{{0,4}}"{key}"\s*:\s*"((?:[^"\\]|\\.)*)"'),
        ("setup.cfg", rf"^{key}\s*=\s*(.+)$"),
        ("setup.py", rf'\b{key}\s*=\s*["\'](.+?)["\']'),
    ):
        found = re.search(pattern, tree.text(path), re.MULTILINE)
        if found:
            return found[1].strip()
    return ""


def _first_sentence(readme: str) -> str:
    """The first line of a readme that is prose."""
    for block in re.split(r"\n\s*\n", readme):
        line = re.sub(
            r"\[([^\]]*)\]\([^)]*\)", r"\1", re.sub(r"!\[[^\]]*\]\([^)]*\)|<[^>]+>", "", block)
        )
        line = re.sub(r"[*_`]+", "", " ".join(line.split())).strip()
        if (
            re.match(r"[A-Za-z\"'“].{15,}", line)
            and not block.lstrip().startswith(("#", "|", ".. ", "```", "<"))
            and not re.search(r"\n[=\-~^]{3,}\s*$", block.rstrip())
        ):
            return line[:300]
    return ""


def _licence(tree: Tree, here: dict[str, str]) -> str:
    for name, path in sorted(here.items()):
        if re.match(r"(un)?licen[sc]e|copying", name):
            text = tree.text(path)
            for identifier, pattern in _LICENCES:
                if re.search(pattern, text, re.IGNORECASE):
                    return identifier
            return "see " + path
    return _manifest(tree, "license")[:60]
