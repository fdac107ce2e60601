"""The bases that stand for public images in a repository's own Dockerfile: programs lie where those have them."""

from builder_service.base_recipes.recipe import Recipe

# `python` and `pip` in /usr/local, as in the public images; what Debian installs for its own Python counts too.
_PYTHON = """
python3 -m venv --system-site-packages --upgrade-deps /usr/local
ln -sf /usr/local/bin/pip /usr/local/bin/pip3
/usr/local/bin/pip install --quiet setuptools wheel
"""
_NODE = """
npm install --global --silent yarn@1
groupadd -g 1000 node && useradd -u 1000 -g 1000 -m -s /bin/bash node
"""

RECIPES = {
    "docker-debian": Recipe("debian", version=2),
    "docker-python": Recipe("python", (), _PYTHON),
    "docker-node22": Recipe("node22", (), _NODE),
    "docker-node24": Recipe("node24", (), _NODE),
}
