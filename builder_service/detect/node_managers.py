"""npm, pnpm, yarn or bun, in which version, and how each installs a lock file and runs a script."""

import re
from dataclasses import dataclass

from builder_service.detect.node_manifest import Package, Project
from builder_service.detect.tree import Tree
from shared.plan import Step

_HOME = "/opt/venv/manager"
_PATH = f"{_HOME}/node_modules/.bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LOCKS = {
    "package-lock.json": "npm",
    "npm-shrinkwrap.json": "npm",
    "pnpm-lock.yaml": "pnpm",
    "yarn.lock": "yarn",
    "bun.lock": "bun",
    "bun.lockb": "bun",
}
_PNPM = (("9", "10"), ("6", "8"), ("5", "7"))
"""The format of a lock, and the pnpm that reads it."""
_BERRY = (("8", "4"), ("7", "4"), ("6", "3"), ("5", "3"), ("4", "2"))


@dataclass(frozen=True)
class Manager:
    """A package manager with the lock file that it shall honour."""

    name: str
    version: str = ""
    lock: str | None = None

    @property
    def is_berry(self) -> bool:
        """Whether it is a yarn from 2 onwards, which is another program."""
        return self.name == "yarn" and self.version.split(".")[0] not in ("", "0", "1")

    @property
    def package(self) -> str:
        """What npm's registry calls it."""
        version = f"@{self.version}" if self.version else ""
        return ("@yarnpkg/cli-dist" if self.is_berry else self.name) + version

    @property
    def most_node(self) -> int | None:
        """The newest Node that this version runs on, where that is an old one."""
        major = re.match(r"\d+", self.version)
        return 18 if self.name == "pnpm" and major and int(major[0]) < 8 else None

    @property
    def environment(self) -> dict[str, str]:
        """Variables of its steps: found by scripts under its own name, without a cache that stays."""
        # Headers for native modules lie beside node itself; browsers would come from their makers' own hosts.
        # What a dependency says of other Nodes is most often caution, also where its user's .npmrc is strict.
        found = {
            "npm_config_nodedir": "/opt/nodejs",
            "npm_config_engine_strict": "false",
            "PUPPETEER_SKIP_DOWNLOAD": "1",
        }
        if self.name == "npm":
            return found
        found |= {"PATH": _PATH, "COREPACK_ENABLE_STRICT": "0"}
        if self.name == "yarn":
            found |= {"YARN_CACHE_FOLDER": "/tmp/yarn"}  # noqa: S108 - inside the sandbox
        if self.is_berry:
            found |= {
                "YARN_NODE_LINKER": "node-modules",
                "YARN_GLOBAL_FOLDER": "/tmp/yarn",  # noqa: S108
                "YARN_ENABLE_TELEMETRY": "0",
                "YARN_IGNORE_PATH": "1",
            }
        if self.name == "bun":
            found |= {"BUN_INSTALL_CACHE_DIR": "/tmp/bun"}  # noqa: S108
        return found


def choose(tree: Tree, project: Project) -> Manager:
    """What `packageManager` says, else what the lock belongs to, else what the scripts call, else npm."""
    root = project.root
    locks = {name: owner for name, owner in LOCKS.items() if tree.has(root.path(name))}
    name, version = _declared(root)
    if name and (name in locks.values() or not locks):
        lock = next((lock for lock, owner in locks.items() if owner == name), None)
        return Manager(name, version or _of_lock(tree, root, name, lock), lock)
    for lock, owner in locks.items():
        return Manager(owner, _of_lock(tree, root, owner, lock), lock)
    called = re.findall(r"(?:^|&& *|; *)(pnpm|yarn|bun)\b", "\n".join(root.scripts.values()), re.M)
    return Manager(called[0], {"yarn": "1"}.get(called[0], "")) if called else Manager("npm")


def provide(manager: Manager) -> list[Step]:
    """The step that fetches the manager, the same for every repository that uses this version."""
    if manager.name == "npm":
        return []
    argv = ["npm", "install", "--prefix", _HOME, "--no-package-lock", "--loglevel=error"]
    return [Step(name=manager.package, argv=[*argv, manager.package], files=[])]


def install(manager: Manager, *, dev: bool) -> list[str]:
    """Everything that the lock names, and nothing else; the newest that fits where there is no lock."""
    locked = manager.lock is not None
    if manager.name == "npm":
        argv = ["npm", "ci" if locked else "install", "--no-audit", "--no-fund", "--loglevel=warn"]
        argv += [] if locked else ["--no-package-lock"]
        return [*argv, "--include=dev" if dev else "--omit=dev"]
    if manager.name == "pnpm":
        argv = ["pnpm", "install", "--frozen-lockfile" if locked else "--no-frozen-lockfile"]
        # How old a release must be is a rule for those who write the lock, and slow to look up for each.
        argv += ["--config.minimum-release-age=0", "--config.trust-policy=off"]
        return [*argv, "--reporter=append-only", *([] if dev else ["--prod"])]
    if manager.is_berry:
        return ["yarn", "install", "--immutable" if locked else "--no-immutable"]
    if manager.name == "yarn":
        argv = ["yarn", "install", "--non-interactive", "--no-progress", "--ignore-engines"]
        return [*argv, *(["--frozen-lockfile"] if locked else ["--no-lockfile"]),
                "--production=" + ("false" if dev else "true")]  # fmt: skip
    return ["bun", "install", *(["--frozen-lockfile"] if locked else ["--no-save"]),
            *([] if dev else ["--production"])]  # fmt: skip


def run(manager: Manager, package: Package, script: str) -> list[str]:
    """A script of one package, in its folder, with its hooks."""
    there = ["env", "-C", f"/app/{package.folder}"] if package.folder else []
    return [*there, manager.name, "run", script]


def _declared(root: Package) -> tuple[str, str]:
    text = root.data.get("packageManager")
    if isinstance(text, str) and (found := re.match(r"(npm|pnpm|yarn|bun)@(\d[\w.-]*)", text)):
        return found[1], found[2]
    wish = root.table("devEngines").get("packageManager")
    if isinstance(wish, dict) and wish.get("name") in ("npm", "pnpm", "yarn", "bun"):
        version = re.match(r"\^?(\d[\w.-]*)", str(wish.get("version") or ""))
        return wish["name"], version[1].split(".")[0] if version else ""
    return "", ""


def _of_lock(tree: Tree, root: Package, name: str, lock: str | None) -> str:
    """The manager's version by the format of its lock."""
    text = tree.text(root.path(lock))[:2000] if lock else ""
    if name == "pnpm":
        written = re.search(r"^lockfileVersion:\s*'?(\d+)", text, re.MULTILINE)
        return next((v for format_, v in _PNPM if written and written[1] == format_), "10")
    if name == "yarn":
        written = re.search(r"^__metadata:\s*\n\s+version:\s*(\d+)", text, re.MULTILINE)
        if written:
            return next((v for format_, v in _BERRY if written[1] == format_), "4")
        return "4" if tree.has(root.path(".yarnrc.yml")) and not lock else "1"
    return "1" if name == "bun" else ""
