"""Node projects of many shapes: package managers, workspaces, builds, versions."""

import json
from pathlib import Path
from typing import Any

import pytest

from builder_service.detect.finding import NoPlan
from tests.builder_service.trees import Files, names, plan, step

NODE = "#!/usr/bin/env node\n"
BERRY = "__metadata:\n  version: 8\n"
CLASSIC = "# yarn lockfile v1\n"


def package(**fields: Any) -> str:
    return json.dumps({"name": "tool", "version": "1.0.0", **fields})


def depending(**fields: Any) -> Files:
    return {"package.json": package(bin="c.js", dependencies={"a": "1"}, **fields), "c.js": NODE}


@pytest.mark.parametrize(
    ("fields", "files", "fetched", "installs"),
    [
        ({"packageManager": "pnpm@10.34.5"}, {"pnpm-lock.yaml": ""}, "pnpm@10.34.5", "pnpm install --frozen-lockfile"),
        ({"packageManager": "pnpm@9.1.0+sha512.abc"}, {}, "pnpm@9.1.0", "pnpm install --no-frozen-lockfile"),
        ({}, {"pnpm-lock.yaml": "lockfileVersion: '9.0'\n"}, "pnpm@10", "pnpm install --frozen-lockfile"),
        ({}, {"pnpm-lock.yaml": "lockfileVersion: '6.0'\n"}, "pnpm@8", "pnpm install --frozen-lockfile"),
        ({}, {"yarn.lock": CLASSIC}, "yarn@1", "yarn install --non-interactive"),
        ({"packageManager": "yarn@1.22.22"}, {"yarn.lock": CLASSIC}, "yarn@1.22.22", "--frozen-lockfile"),
        ({"packageManager": "yarn@4.9.1"}, {"yarn.lock": BERRY}, "@yarnpkg/cli-dist@4.9.1", "yarn install --immutable"),
        ({}, {"yarn.lock": "__metadata:\n  version: 6\n"}, "@yarnpkg/cli-dist@3", "yarn install --immutable"),
        ({"packageManager": "bun@1.3.14"}, {"bun.lock": "{}"}, "bun@1.3.14", "bun install --frozen-lockfile"),
        ({"packageManager": "pnpm@10.0.0"}, {"yarn.lock": CLASSIC}, "yarn@1", "--frozen-lockfile"),
        ({"scripts": {"test": "yarn lint && yarn jest"}}, {}, "yarn@1", "--no-lockfile"),
        ({"devEngines": {"packageManager": {"name": "pnpm", "version": "^10.2"}}}, {}, "pnpm@10", "pnpm install"),
    ],
)  # fmt: skip
def test_the_project_s_own_package_manager_installs_its_lock(
    fields: dict[str, Any], files: Files, fetched: str, installs: str, tmp_path: Path
) -> None:
    made = plan(tmp_path, {**depending(**fields), **files})

    assert [s.name for s in made.steps] == [fetched, "dependencies"]
    assert made.steps[0].argv[-1] == fetched and made.steps[0].files == []
    assert installs in " ".join(step(made, "dependencies"))


@pytest.mark.parametrize("lock", ["package-lock.json", "npm-shrinkwrap.json"])
def test_npm_needs_no_fetching(lock: str, tmp_path: Path) -> None:
    made = plan(tmp_path, {**depending(packageManager="npm@10.8.1"), lock: "{}"})

    assert [s.name for s in made.steps] == ["dependencies"]
    assert "npm ci" in " ".join(step(made, "dependencies"))


def test_an_old_pnpm_gets_the_node_that_it_runs_on(tmp_path: Path) -> None:
    made = plan(tmp_path, depending(packageManager="pnpm@7.33.0", engines={"node": ">=16"}))

    assert made.base == "node18"


WORKSPACE: Files = {
    "package.json": json.dumps({"name": "mono", "private": True, "workspaces": ["packages/*"]}),
    "packages/core/package.json": json.dumps(
        {"name": "@m/core", "main": "dist/i.js", "scripts": {"build": "tsc"}}
    ),
    "packages/cli/package.json": json.dumps(
        {"name": "@m/cli", "bin": {"mono": "dist/c.js"}, "dependencies": {"@m/core": "*"}, "scripts": {"build": "tsc"}}
    ),
    "packages/site/package.json": json.dumps({"name": "@m/site", "scripts": {"build": "exit 1"}}),
}  # fmt: skip


@pytest.mark.parametrize("kind", ["package.json", "object", "pnpm", "lerna"])
def test_commands_of_a_workspace_are_built_after_what_they_need(kind: str, tmp_path: Path) -> None:
    files = dict(WORKSPACE)
    root: dict[str, Any] = {"name": "mono", "private": True}
    if kind == "object":
        root["workspaces"] = {"packages": ["packages/*"]}
    elif kind == "pnpm":
        files["pnpm-workspace.yaml"] = "packages:\n  # all\n  - 'packages/*' # here\n\nother: 1\n"
    elif kind == "lerna":
        files["lerna.json"] = '{"packages": ["packages/*"]}'
    if kind != "package.json":
        files["package.json"] = json.dumps(root)
    made = plan(tmp_path, files, "mono")

    assert made.commands[0].run == ["node", "/app/packages/cli/dist/c.js"]
    built = [s.name for s in made.steps if s.name.startswith("build")]
    assert built == ["build packages/core", "build packages/cli"]
    assert step(made, "build packages/cli")[:3] == ["env", "-C", "/app/packages/cli"]
    install = next(s for s in made.steps if s.name == "dependencies")
    assert "packages/core/package.json" in (install.files or [])
    assert any("a workspace of 3 packages" in line for line in made.evidence)


def test_a_package_left_out_of_the_workspace_has_no_commands(tmp_path: Path) -> None:
    files = {
        "package.json": json.dumps({"workspaces": ["packages/**", "!packages/old"]}),
        "packages/a/deep/package.json": package(name="deep", bin="c.js"),
        "packages/a/deep/c.js": NODE,
        "packages/old/package.json": package(name="old", bin="c.js"),
        "packages/old/c.js": "x",
    }

    assert names(plan(tmp_path, files, "x")) == ["deep"]


def test_a_workspace_without_scripts_of_its_own_is_built_by_the_root(tmp_path: Path) -> None:
    files = {
        "package.json": json.dumps({"workspaces": ["p/*"], "scripts": {"build": "tsc -b"}}),
        "p/cli/package.json": package(bin="dist/c.js"),
    }

    assert step(plan(tmp_path, files), "build") == ["npm", "run", "build"]


@pytest.mark.parametrize(
    ("script", "fields", "argv"),
    [
        ("require('./dist/bin.js')", {"build": "tsdown", "prepare": "husky"}, ["npm", "run", "build"]),
        ("import '../dist/x.mjs'", {}, []),
        ("import('./dist/x.mjs')", {"prepare": "husky install && tsc"}, ["npm", "run", "prepare"]),
        ("require('.')", {"prepack": "rollup -c"}, ["npm", "run", "prepack"]),
        ("require('./lib')", {"build": "rollup"}, []),
        ("require('./data.json')", {"build": "rollup"}, []),
    ],
)  # fmt: skip
def test_a_command_whose_imports_must_be_made_is_built(
    script: str, fields: dict[str, str], argv: list[str], tmp_path: Path
) -> None:
    files = {
        "package.json": package(bin="c.js", main="dist/index.js", scripts=fields),
        "c.js": NODE + script,
        "lib/index.js": "",
        "data.json": "{}",
    }

    assert step(plan(tmp_path, files), "build") == argv


def test_typescript_without_a_script_is_compiled_by_its_compiler(tmp_path: Path) -> None:
    files = {
        "package.json": package(bin="dist/c.js", devDependencies={"typescript": "5"}),
        "tsconfig.json": "{}",
        "src/c.ts": "",
    }
    made = plan(tmp_path, files)

    assert step(made, "build")[:3] == ["npx", "--no-install", "tsc"]
    assert "--include=dev" in step(made, "dependencies")


@pytest.mark.parametrize(
    ("meta", "flag"), [({}, "--include=dev"), ({"b": {"optional": True}}, "--omit=dev")]
)
def test_a_peer_that_is_locked_for_development_only_is_installed(
    meta: dict[str, Any], flag: str, tmp_path: Path
) -> None:
    fields = {"devDependencies": {"b": "1"}, "peerDependencies": {"b": "1"}}
    files = {**depending(**fields, peerDependenciesMeta=meta), "package-lock.json": "{}"}

    assert flag in step(plan(tmp_path, files), "dependencies")


def test_the_own_postinstall_runs_when_it_makes_something(tmp_path: Path) -> None:
    files = {**depending(scripts={"postinstall": "node make.js"}), "make.js": ""}

    assert step(plan(tmp_path / "1", files), "postinstall") == ["npm", "run", "postinstall"]
    hooks = depending(scripts={"postinstall": "husky", "prepare": "exit 1"})
    assert [s.name for s in plan(tmp_path / "2", hooks).steps] == ["dependencies"]


def test_a_package_in_a_folder_of_the_repository_is_found(tmp_path: Path) -> None:
    files = {
        "js/package.json": package(bin="c.js", dependencies={"a": "1"}),
        "js/c.js": NODE,
        "README.md": "",
    }
    made = plan(tmp_path, files)

    assert made.commands[0].run == ["node", "/app/js/c.js"]
    assert step(made, "dependencies")[4:7] == ["env", "-C", "/app/js"]


def test_a_dependency_that_asks_for_another_node_stops_nothing(tmp_path: Path) -> None:
    """The shape of markdownlint-cli: its own .npmrc is strict."""
    made = plan(tmp_path, {**depending(), ".npmrc": "engine-strict=true\n"})

    steps = [step for step in made.steps if step.name == "dependencies"]
    assert [step.env["npm_config_engine_strict"] for step in steps] == ["false"]


@pytest.mark.parametrize(
    ("files", "base", "said"),
    [
        ({".nvmrc": "v20.11.0\n"}, "node20", "Node 20 for 20 in .nvmrc"),
        ({".nvmrc": "lts/*"}, "node22", ""),
        ({".nvmrc": "lts/iron"}, "node20", "Node 20 for 20 in .nvmrc"),
        ({".nvmrc": "8"}, "node22", ".nvmrc asks for Node 8, which is not to be had here: Node 22 instead"),
        ({".nvmrc": "23"}, "node24", ".nvmrc asks for Node 23, which is not to be had here: Node 24 instead"),
        ({".node-version": "24"}, "node24", "Node 24 for 24 in .node-version"),
    ],
)  # fmt: skip
def test_a_version_file_speaks_where_engines_are_silent(
    files: Files, base: str, said: str, tmp_path: Path
) -> None:
    made = plan(tmp_path, {**depending(), **files})

    assert made.base == base
    assert said in ("", *made.evidence)


def test_a_broken_package_json_is_told_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(NoPlan, match=r"package\.json cannot be read: .*line 1 column"):
        plan(tmp_path, {"package.json": '{"name": ', "c.js": NODE + "process.argv"})
