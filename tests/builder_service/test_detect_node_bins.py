"""Node packages: their commands, how they are installed, and on which Node."""

import json
from pathlib import Path

import pytest

from builder_service.detect.finding import NoPlan
from tests.builder_service.trees import NODE, names, package, plan, step


def test_a_map_of_bins(tmp_path: Path) -> None:
    made = plan(
        tmp_path,
        {"package.json": package(bin={"tool": "./cli.js", "think": "cli.js"}), "cli.js": NODE},
    )

    assert [(c.name, c.run) for c in made.commands] == [
        ("tool", ["node", "/app/cli.js"]),
        ("think", ["node", "/app/cli.js"]),
    ]


def test_a_single_bin_is_named_like_the_package(tmp_path: Path) -> None:
    """The shape of json5/json5: a lock, development dependencies only."""
    files = {
        "package.json": package(
            name="@scope/json5",
            bin="lib/cli.js",
            devDependencies={"tap": "1"},
            scripts={"build": "rollup"},
        ),
        "package-lock.json": "{}",
        "lib/cli.js": NODE,
    }
    made = plan(tmp_path, files, "json5")

    assert (names(made), made.steps) == (["json5"], [])


def test_a_bin_without_its_extension_is_completed(tmp_path: Path) -> None:
    made = plan(tmp_path, {"package.json": package(bin={"tool": "bin/tool"}), "bin/tool.js": NODE})

    assert made.commands[0].run == ["node", "/app/bin/tool.js"]


def test_a_bin_that_is_a_shell_script_runs_in_its_shell(tmp_path: Path) -> None:
    made = plan(
        tmp_path, {"package.json": package(bin={"tool": "tool.sh"}), "tool.sh*": "#!/bin/bash\n"}
    )

    assert made.commands[0].run == ["bash", "/app/tool.sh"]


def test_a_folder_of_bins(tmp_path: Path) -> None:
    made = plan(
        tmp_path,
        {"package.json": package(directories={"bin": "./bin"}), "bin/a.js": NODE, "bin/b.js": NODE},
    )

    assert names(made) == ["a", "b"]


def test_with_a_lock_npm_ci_and_only_the_manifests(tmp_path: Path) -> None:
    lock = json.dumps({"lockfileVersion": 3, "packages": {}})
    made = plan(
        tmp_path,
        {
            "package.json": package(bin="c.js", dependencies={"a": "1"}),
            "package-lock.json": lock,
            "c.js": NODE,
        },
    )

    assert "npm ci" in " ".join(step(made, "dependencies"))
    assert made.steps[0].files == ["package.json", "package-lock.json"]
    assert len(made.steps) == 1


def test_without_a_lock_neither_development_dependencies_nor_own_hooks_take_part(
    tmp_path: Path,
) -> None:
    fields = {
        "dependencies": {"a": "1"},
        "devDependencies": {"b": "1"},
        "scripts": {"prepare": "husky"},
    }
    made = plan(tmp_path, {"package.json": package(bin="c.js", **fields), "c.js": NODE})

    (install,) = made.steps
    assert install.argv[:4] == [
        "/usr/local/bin/without-hooks",
        "--without-dev",
        "/app/package.json",
        "--",
    ]
    assert install.argv[4:6] == ["npm", "install"]
    assert install.files == ["package.json"]


def test_a_bin_that_must_be_built_is_built(tmp_path: Path) -> None:
    made = plan(
        tmp_path,
        {
            "package.json": package(
                bin="dist/cli.js", scripts={"build": "tsc"}, devDependencies={"typescript": "5"}
            ),
            "src/cli.ts": "x",
        },
    )

    assert [s.name for s in made.steps] == ["dependencies", "build"]
    assert "--include=dev" in step(made, "dependencies")


@pytest.mark.parametrize(
    ("engines", "major"),
    [
        (">=18", "22"),
        ("^20 || >=22", "22"),
        (">=24", "24"),
        ("18.x", "18"),
        ("^22.22.2 || ^24.15.0 || >=26.0.0", "24"),
        (">=14 <21", "20"),
        ("14.x", "16"),
        ("12 - 20", "20"),
        (">=16.0.0 <23", "22"),
        ("^22.1", "22"),
        ("24.x", "24"),
        ("", "22"),
    ],
)
def test_the_engine_that_a_package_asks_for(tmp_path: Path, engines: str, major: str) -> None:
    made = plan(
        tmp_path, {"package.json": package(bin="c.js", engines={"node": engines}), "c.js": NODE}
    )

    assert (made.runtime_version, made.base) == (major, f"node{major}")


def test_a_newer_engine_than_there_is_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoPlan, match="needs Node >=30"):
        plan(
            tmp_path, {"package.json": package(bin="c.js", engines={"node": ">=30"}), "c.js": NODE}
        )


def test_node_scripts_without_a_manifest(tmp_path: Path) -> None:
    made = plan(
        tmp_path,
        {"tool.js*": NODE + "console.log(process.argv[2])\n", "lib/x.js": "module.exports = 1\n"},
    )

    assert (names(made), made.commands[0].run) == (["tool.js"], ["node", "/app/tool.js"])


def test_a_node_tool_that_fetches_gets_the_network(tmp_path: Path) -> None:
    made = plan(
        tmp_path, {"package.json": package(bin="c.js", dependencies={"axios": "1"}), "c.js": NODE}
    )

    assert made.network.mode == "internet"
