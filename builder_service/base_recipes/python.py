"""The bases of Python tools: Debian's Python, uv, and a compiler for extensions; the newer one stands on trixie."""

from builder_service.base_recipes import trixie
from builder_service.base_recipes.recipe import USER, Recipe

# A setup.py of before 2025 may import what later setuptools have dropped (pkg_resources, commands of its own).
# `with-versions COMMAND… :: NAME==VERSION…`: uv takes the versions of a lock file where it installs the package.
_PYTHON = """
python3 -m venv /opt/uv && /opt/uv/bin/pip install --quiet uv && ln -s /opt/uv/bin/uv /usr/local/bin/uv
python3 -m venv /opt/venv && /opt/venv/bin/pip install --quiet setuptools && chown -R 65532:65532 /opt/venv
cat > /usr/local/bin/with-versions <<'END'
#!/usr/bin/python3
import os, sys
cut = sys.argv.index("::")
with open("/tmp/versions.txt", "w") as file:
    file.write("\\n".join(sys.argv[cut + 1 :]) + "\\n")
os.environ["UV_CONSTRAINT"] = "/tmp/versions.txt"
os.execvp(sys.argv[1], sys.argv[1:cut])
END
chmod 755 /usr/local/bin/with-versions
echo 'setuptools<81' > /opt/older-setuptools.txt
"""
_PACKAGES = (
    "ca-certificates", "python3", "python3-venv", "python3-dev", "gcc", "g++", "libc6-dev", "make", "zlib1g-dev",
)  # fmt: skip

RECIPES = {
    **trixie.RECIPES,
    "python": Recipe("debian", _PACKAGES, USER + _PYTHON, version=3),
    "python3.13": Recipe("trixie", _PACKAGES, _PYTHON, version=2),
}
