"""Lock files of Python projects, the extras of commands, and other facts about installing them."""

import json
from pathlib import Path

import pytest

from builder_service.detect import python_locks
from builder_service.detect.finding import NoPlan
from tests.builder_service.trees import ARGPARSE, Files, names, plan, step, tree

PROJECT = (
    '[project]\nname="t"\ndependencies=["a>=1"]\n[project.scripts]\nt="t:m"\n'
    '[build-system]\nrequires=["flit_core"]\nbuild-backend="flit_core.buildapi"\n'
)
LOCKS: dict[str, tuple[str, str]] = {
    "uv": (
        "uv.lock",
        '[[package]]\nname="a"\nversion="1.2"\nsource={registry="x"}\n[[package]]\nname="t"\nsource={editable="."}\n',
    ),
    "poetry": (
        "poetry.lock",
        '[[package]]\nname="a"\nversion="1.2"\n[[package]]\nname="g"\nversion="1"\n[package.source]\ntype="git"\n',
    ),
    "pdm": ("pdm.lock", '[[package]]\nname="a"\nversion="1.2"\n[[package]]\nname="g"\nversion="1"\ngit="x"\n'),
    "pylock": ("pylock.toml", '[[packages]]\nname="a"\nversion="1.2"\n[[packages]]\nname="d"\ndirectory={path="."}\n'),
    "pipenv": (
        "Pipfile.lock",
        json.dumps({"default": {"a": {"version": "==1.2"}, "g": {"git": "x"}}, "develop": {"d": {"version": "==3"}}}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", LOCKS)
def test_the_versions_of_a_lock_bind_every_installation(kind: str, tmp_path: Path) -> None:
    file, text = LOCKS[kind]
    made = plan(tmp_path, {"pyproject.toml": PROJECT, file: text})

    assert [s.argv[0] for s in made.steps if s.name != "build tools"] == [
        "/usr/local/bin/with-versions"
    ] * 2
    assert all(s.argv[-2:] == ["::", "a==1.2"] for s in made.steps if s.name != "build tools")
    assert f"versions of {file}" in made.evidence


def test_a_name_with_several_versions_needs_their_markers(tmp_path: Path) -> None:
    text = "".join(
        f'[[package]]\nname="{name}"\nversion="{version}"\nsource={{registry="x"}}\n{markers}'
        for name, version, markers in (
            ("a", "1", "resolution-markers=[\"python_full_version < '3.9'\"]\n"),
            ("a", "2", "resolution-markers=[\"python_full_version >= '3.9'\"]\n"),
            ("b", "1", ""),
            ("b", "2", ""),
        )
    )

    locked = python_locks.read(tree(tmp_path, {"uv.lock": text}))

    assert locked.versions == (
        'a==1; python_full_version < "3.9"',
        'a==2; python_full_version >= "3.9"',
    )


@pytest.mark.parametrize(
    "text", ["[[package", "package = 3", '[[package]]\nname = "a b"\nversion = "1"', "\x00"]
)
def test_an_unreadable_lock_is_told_and_left_out(text: str, tmp_path: Path) -> None:
    made = plan(tmp_path, {"pyproject.toml": PROJECT, "uv.lock": text})

    assert made.steps[0].argv[0] == "uv"


def test_a_lock_does_not_bind_a_requirements_file(tmp_path: Path) -> None:
    files = {"tool.py": ARGPARSE, "requirements.txt": "b==2\n", "poetry.lock": LOCKS["poetry"][1]}

    assert plan(tmp_path, files).steps[0].argv[0] == "uv"


def test_a_pipfile_is_a_manifest(tmp_path: Path) -> None:
    pipfile = '[packages]\na = "*"\nb = {version = ">=2", extras = ["x"]}\nown = {path = "."}\n[requires]\npython_version = "3.12"\n'
    made = plan(tmp_path, {"tool.py": ARGPARSE, "Pipfile": pipfile})

    assert step(made, "dependencies")[-2:] == ["a", "b[x]>=2"]
    assert made.runtime_version == "3.13"


@pytest.mark.parametrize(
    ("files", "target"),
    [
        ({"pyproject.toml": PROJECT.replace('"t:m"', '"t:m [fast]"') + '[project.optional-dependencies]\nfast=["f"]\nx=["y"]\n'}, ".[fast]"),
        ({"setup.py": "from setuptools import setup\nsetup(name='t', extras_require={'Fast_One': ['f']}, entry_points={'console_scripts': ['t=t:m [fast-one]']})"}, ".[Fast_One]"),
        ({"pyproject.toml": PROJECT + '[project.optional-dependencies]\ncli=["click"]\ndev=["rich"]\n'}, ".[cli]"),
        ({"pyproject.toml": PROJECT + '[project.optional-dependencies]\nterminal=["rich"]\nother=["numpy"]\n', "t.py": "import rich\n"}, ".[terminal]"),
        ({"pyproject.toml": PROJECT + '[project.optional-dependencies]\nterminal=["rich"]\n', "t.py": "try:\n  import rich\nexcept ImportError:\n  rich = None\n"}, "."),
        ({"pyproject.toml": PROJECT.replace('"t:m"', '"t:m [gone]"')}, "."),
        ({"pyproject.toml": '[tool.poetry]\nname="t"\n[tool.poetry.scripts]\nt={callable="t:m",extras=["fast"]}\n[tool.poetry.extras]\nfast=["f"]\n'}, ".[fast]"),
    ],
)  # fmt: skip
def test_a_command_gets_the_extras_that_it_needs(files: Files, target: str, tmp_path: Path) -> None:
    assert step(plan(tmp_path, files), "install")[-1] == target


def test_graphical_scripts_are_no_commands(tmp_path: Path) -> None:
    made = plan(tmp_path, {"pyproject.toml": PROJECT + '[project.gui-scripts]\nwindow="t:w"\n'})

    assert names(made) == ["t"]


def test_a_script_s_own_metadata_is_its_manifest(tmp_path: Path) -> None:
    text = '# /// script\n# dependencies = [\n#   "a<2",\n# ]\n# ///\nimport a\n' + ARGPARSE
    made = plan(tmp_path, {"tool.py": text})

    assert step(made, "dependencies")[-1] == "a<2"
    assert "inline metadata of tool.py" in made.evidence


def test_versioneer_s_file_is_written_before_the_installation(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": '[build-system]\nrequires=["versioneer"]\n[tool.versioneer]\nversionfile_source="t/_version.py"\n',
        "setup.py": "from setuptools import setup\nsetup(name='t', entry_points={'console_scripts': ['t=t:m']})",
    }
    made = plan(tmp_path, files, version="1.2")

    assert [s.name for s in made.steps] == ["version", "install"]
    assert made.steps[0].argv[3] == "t/_version.py" and made.steps[0].argv[-1] == "1.2"


def test_a_version_file_never_lies_outside(tmp_path: Path) -> None:
    files = {
        "setup.cfg": "[metadata]\nname=t\n[versioneer]\nversionfile_source=../../etc/x\n[options.entry_points]\nconsole_scripts=\n t=t:m\n"
    }

    assert step(plan(tmp_path, files, version="1"), "version") == []


def test_a_back_end_in_rust_gets_a_toolchain(tmp_path: Path) -> None:
    made = plan(tmp_path, {"pyproject.toml": PROJECT.replace("flit_core", "maturin>=1")})

    assert made.system_packages == ["cargo-web", "rustc-web"]


@pytest.mark.parametrize("call", ['open("data/words.txt")', 'Path("./data/words.txt")'])
def test_a_script_that_reads_beside_itself_starts_in_its_repository(
    call: str, tmp_path: Path
) -> None:
    files = {"tool.py": f"{call}\n" + ARGPARSE, "data/words.txt": "x"}

    assert plan(tmp_path / "1", files).start == "repository"
    assert plan(tmp_path / "2", {"tool.py": f"{call}\n" + ARGPARSE}).start == "empty"
    assert plan(tmp_path / "3", {**files, "pyproject.toml": PROJECT}).start == "empty"


def test_what_is_written_for_python_2_is_told_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(NoPlan, match=r"tool\.py is written for Python 2"):
        plan(tmp_path, {"tool.py": 'import sys\nprint "usage: tool", sys.argv\n'})


def test_a_list_for_developers_is_not_installed_with_a_package(tmp_path: Path) -> None:
    package = {"setup.py": "from setuptools import setup\nsetup(name='t', scripts=['t'])", "t": "x"}
    script = {"t.py": ARGPARSE}

    for files, kept in (
        (package | {"requirements.txt": "tox\nrich\n"}, False),
        (package | {"requirements.txt": "rich\n"}, True),
        (script | {"requirements.txt": "tox\nrich\n"}, True),
    ):
        made = plan(tmp_path / str(len(list(tmp_path.iterdir()))), files)
        assert bool(step(made, "dependencies")) is kept
