"""The base of Python tools: Debian's Python, uv, and a compiler for extensions."""

from builder_service.base_recipes.recipe import USER, Recipe

_PYTHON = """
python3 -m venv /opt/uv && /opt/uv/bin/pip install --quiet uv && ln -s /opt/uv/bin/uv /usr/local/bin/uv
python3 -m venv /opt/venv && /opt/venv/bin/pip install --quiet setuptools && chown -R 65532:65532 /opt/venv
"""

RECIPES = {
    "python": Recipe(
        "debian",
        ("ca-certificates", "python3", "python3-venv", "python3-dev", "gcc", "g++", "libc6-dev", "make", "zlib1g-dev"),
        USER + _PYTHON,
    ),
}  # fmt: skip
