#!/usr/bin/env python3
"""Fetch the third-party files of the pages with `npm pack`, check them and lock them.

`vendor.py` writes the files and `web/vendor.lock`; `vendor.py --check` only compares the files with
the lock (no network). The registry is whatever npm is set up to use on this machine.
"""

import argparse
import base64
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "web" / "vendor.lock"

PACKAGES = {
    "htmx.org@4.0.1": "sha512-oF7JgXhDW9UXCy/k1ZYFUQgzu/rm19ORWPSPNL91vPluB2PB9+MV55tyQdH/w7o2EAbTYUG5SDW1R60mdkdqGg==",
    "@fontsource-variable/inter@5.3.0": "sha512-OupL48va4JNofb97w6NYeF9S7W/kHNKM0Er8Dem5nqi4jeOLrVJDoE8tZEpnMJmtkvNbB1EIPPwHcdkF6b1oUA==",
    "@fontsource-variable/jetbrains-mono@5.3.0": "sha512-F32xpS2NsGYoQi2ADSkKTgpJj7ozajsGgDJ8woTnqjmIB+dxDIqImjl4pXZVEExu8UFZ2ndhmX18EBS/hdz3Lw==",
    "lucide-static@1.62.0": "sha512-WBZA/m2PvkFpMGHDtsBck5P2A9G4ehLlYu4GwwICcmEm1BvYVgj00lCDxKRWLlbMlOibLaiwdQ88G5pHkSWgwA==",
    "axe-core@4.14.1": "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
}
FILES = {
    "web/static/vendor/htmx.min.js": ("htmx.org", "dist/htmx.min.js"),
    "web/static/vendor/inter.woff2": (
        "@fontsource-variable/inter",
        "files/inter-latin-wght-normal.woff2",
    ),
    "web/static/vendor/jetbrains-mono.woff2": (
        "@fontsource-variable/jetbrains-mono",
        "files/jetbrains-mono-latin-wght-normal.woff2",
    ),
    "tests/e2e/axe.min.js": ("axe-core", "axe.min.js"),
}
LICENCES = {
    "htmx.org": "LICENSE",
    "@fontsource-variable/inter": "LICENSE",
    "@fontsource-variable/jetbrains-mono": "LICENSE",
    "lucide-static": "LICENSE",
}
SPRITE = "web/static/vendor/icons.svg"
LICENCE_FILE = "web/static/vendor/LICENCES.txt"
ICONS = [
    "archive",
    "arrow-down-to-line",
    "ban",
    "book-open",
    "chevron-right",
    "circle-alert",
    "circle-check",
    "circle-dashed",
    "circle-user",
    "circle-x",
    "clock",
    "copy",
    "download",
    "file",
    "file-archive",
    "file-text",
    "git-branch",
    "globe",
    "history",
    "image",
    "info",
    "key-round",
    "link",
    "lock",
    "log-out",
    "package",
    "paperclip",
    "pencil",
    "play",
    "plus",
    "rotate-cw",
    "search",
    "square-terminal",
    "table",
    "timer-off",
    "trash-2",
    "triangle-alert",
    "wrap-text",
    "x",
]


def pack(spec: str, folder: Path) -> Path:
    """The package's archive as npm gives it."""
    done = subprocess.run(
        ["npm", "pack", spec, "--json", "--pack-destination", str(folder)],
        check=True,
        capture_output=True,
        text=True,
    )
    answer = json.loads(done.stdout)
    entry = answer[0] if isinstance(answer, list) else next(iter(answer.values()))
    return folder / Path(entry["filename"].replace("@", "").replace("/", "-")).name


def integrity(data: bytes, algorithm: str) -> str:
    """The data's hash in the notation of subresource integrity."""
    value = hashlib.new(algorithm, data).digest()
    return f"{algorithm}-{base64.b64encode(value).decode()}"


def read(archive: Path, name: str) -> bytes:
    """One file of a package."""
    with tarfile.open(archive) as tar:
        found = tar.extractfile("package/" + name)
        if found is None:
            raise SystemExit(f"{archive.name} has no file {name}.")
        return found.read()


def sprite(archive: Path) -> bytes:
    """The icons that we use, as symbols of one SVG file."""
    symbols = []
    for name in sorted(ICONS):
        svg = read(archive, f"icons/{name}.svg").decode()
        inner = re.search(r"<svg[^>]*>(.*)</svg>", svg, re.DOTALL)
        if inner is None:
            raise SystemExit(f"The icon {name} is no SVG.")
        body = " ".join(inner[1].split())
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{body}</symbol>')
    joined = "\n".join(symbols)
    return f'<svg xmlns="http://www.w3.org/2000/svg">\n{joined}\n</svg>\n'.encode()


def fetch() -> None:
    """Write every vendored file and the lock."""
    archives: dict[str, Path] = {}
    with tempfile.TemporaryDirectory() as folder:
        for spec, wanted in PACKAGES.items():
            archive = pack(spec, Path(folder))
            found = integrity(archive.read_bytes(), "sha512")
            if found != wanted:
                raise SystemExit(f"{spec}: expected {wanted}, got {found}. Nothing was written.")
            archives[spec.rpartition("@")[0]] = archive
        made = {path: read(archives[package], name) for path, (package, name) in FILES.items()}
        made[SPRITE] = sprite(archives["lucide-static"])
        texts = [
            f"{package}\n\n{read(archives[package], name).decode().strip()}\n"
            for package, name in LICENCES.items()
        ]
        made[LICENCE_FILE] = ("\n" + "-" * 78 + "\n\n").join(texts).encode()
    for path, data in made.items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_bytes(data)
    files = {path: integrity(data, "sha384") for path, data in sorted(made.items())}
    LOCK.write_text(json.dumps({"packages": PACKAGES, "files": files}, indent=2) + "\n")
    sys.stdout.write(f"{len(files)} files written.\n")


def check() -> list[str]:
    """The vendored files that are missing or differ from the lock."""
    locked: dict[str, str] = json.loads(LOCK.read_text())["files"]
    return [
        path
        for path, wanted in locked.items()
        if not (ROOT / path).is_file() or integrity((ROOT / path).read_bytes(), "sha384") != wanted
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the lock, no network")
    if parser.parse_args().check:
        if wrong := check():
            raise SystemExit("Not as locked: " + ", ".join(wrong))
    else:
        fetch()


if __name__ == "__main__":
    main()
