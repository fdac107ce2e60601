"""Our own files under a path that names their content, so that browsers keep them for good."""

import base64
import gzip
import hashlib
import json
import re
from functools import cache, cached_property
from pathlib import Path

from flask import Blueprint, Flask, Response, request

_FOLDER = Path(__file__).resolve().parent.parent / "static"
_LOCK = _FOLDER.parent / "vendor.lock"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}
_IMPORT = re.compile(r'^import [^;]*? from "\./([\w-]+\.js)";', re.MULTILINE)
_FOR_GOOD = "public, max-age=31536000, immutable"


class Assets:
    """All files of a folder in memory, each also compressed."""

    def __init__(self, folder: Path = _FOLDER) -> None:
        self._checked: dict[str, str] = {}
        self._files = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.suffix in _TYPES
        }
        self._small = {
            name: gzip.compress(data, 9, mtime=0)
            for name, data in self._files.items()
            if not name.endswith(".woff2")
        }

    @cached_property
    def version(self) -> str:
        """Changes when any file changes; modules import one another relatively, below it."""
        whole = hashlib.sha256()
        for name, data in self._files.items():
            whole.update(f"{name}\0{len(data)}\0".encode() + data)
        return whole.hexdigest()[:12]

    def integrity(self, name: str) -> str:
        """The hash that the browser checks; vendored files must be as locked."""
        if name not in self._checked:
            found = _sha384(self._files[name])
            locked = json.loads(_LOCK.read_text())["files"]
            if locked.get(f"web/static/{name}", found) != found:
                raise RuntimeError(
                    f"{name} is not as locked in web/vendor.lock; run scripts/vendor.py"
                )
            self._checked[name] = found
        return self._checked[name]

    @cache  # noqa: B019 - one object for the life of the process
    def modules(self, entry: str) -> tuple[str, ...]:
        """A module and all that it imports: asked for at once, they need one round trip, not four."""
        found = [entry]
        for name in found:
            folder = name.rpartition("/")[0]
            for imported in _IMPORT.findall(self._files[name].decode()):
                path = f"{folder}/{imported}"
                if path not in found:
                    found.append(path)
        return tuple(found)

    def answer(self, version: str, name: str) -> Response:
        """One file, compressed where the browser takes it."""
        data = self._files.get(name)
        if data is None:
            return Response("There is no such file.\n", 404, mimetype="text/plain")
        response = Response(data, content_type=_TYPES[Path(name).suffix])
        small = self._small.get(name)
        if small is not None:
            response.vary.add("Accept-Encoding")
            if request.accept_encodings["gzip"] > 0:
                response.set_data(small)
                response.content_encoding = "gzip"
        response.headers["Cache-Control"] = _FOR_GOOD if version == self.version else "no-cache"
        return response


def _sha384(data: bytes) -> str:
    return "sha384-" + base64.b64encode(hashlib.sha384(data).digest()).decode()


def register(app: Flask) -> None:
    """Serve the files, and give templates `asset(name)` and `integrity(name)`."""
    assets = Assets()
    routes = Blueprint("assets", __name__)

    @routes.get("/assets/<version>/<path:name>")
    def file(version: str, name: str) -> Response:
        return assets.answer(version, name)

    @routes.get("/favicon.ico")
    def favicon() -> Response:
        return assets.answer(assets.version, "favicon.svg")

    root = f"/assets/{assets.version}"

    def asset(name: str) -> str:
        return f"{request.script_root}{root}/{name}"  # a page has a hundred of them

    app.register_blueprint(routes)
    app.jinja_env.globals["asset"] = asset
    app.jinja_env.globals["integrity"] = assets.integrity
    app.jinja_env.globals["modules"] = assets.modules
