"""Python repositories of many shapes: which commands they have and how they are installed."""

from pathlib import Path

import pytest

from builder_service.detect import poetry, python_imports
from builder_service.detect.finding import NoPlan
from tests.builder_service.trees import ARGPARSE, Files, names, plan, step

DECLARED: dict[str, tuple[Files, list[str]]] = {
    "PEP 621": ({"pyproject.toml": '[project]\nname="t"\n[project.scripts]\nt="t:m"\n[build-system]\nrequires=[]\n'}, ["t"]),
    "PEP 621, hatchling": (
        {"pyproject.toml": '[project]\nname="t"\n[project.scripts]\nt="t:m"\n[build-system]\nbuild-backend="hatchling.build"\n'},
        ["t"],
    ),
    "entry-points table": (
        {"pyproject.toml": '[project]\nname="t"\n[build-system]\nrequires=[]\n[project.entry-points.console_scripts]\nt="t:m"\n'},
        ["t"],
    ),
    "poetry": ({"pyproject.toml": '[tool.poetry]\nname="t"\n[tool.poetry.scripts]\nt="t:m"\n'}, ["t"]),
    "poetry tables": (
        {"pyproject.toml": '[tool.poetry]\nname="t"\n[tool.poetry.scripts]\nt={callable="t:m"}\nu={reference="u:m",type="console"}\n'},
        ["t", "u"],
    ),
    "flit of old": ({"pyproject.toml": '[tool.flit.metadata]\nmodule="t"\n[tool.flit.scripts]\nt="t:m"\n'}, ["t"]),
    "setup.cfg": ({"setup.cfg": "[metadata]\nname=t\n[options.entry_points]\nconsole_scripts =\n  t = t:m\n  # no\n  u=u:m\n", "setup.py": "from setuptools import setup\nsetup()"}, ["t", "u"]),
    "pbr": ({"setup.cfg": "[metadata]\nname=t\n[entry_points]\nconsole_scripts =\n  t = t:m\n", "setup.py": "import setuptools\nsetuptools.setup(setup_requires=['pbr'], pbr=True)"}, ["t"]),
    "setup.py, dict": ({"setup.py": "from setuptools import setup\nsetup(name='t', entry_points={'console_scripts': ['t = t:m']})"}, ["t"]),
    "setup.py, text": ({"setup.py": "from setuptools import setup\nsetup(name='t', entry_points='''\n  [console_scripts]\n  t = t:m\n''')"}, ["t"]),
    "setup.py, variables": ({"setup.py": "import setuptools\nNAME = 't'\nPOINTS = {'console_scripts': [f'{NAME} = t:m', NAME + '2=t:n']}\nsetuptools.setup(name=NAME, entry_points=POINTS)"}, ["t", "t2"]),
    "setup.py, comprehension": ({"setup.py": "from setuptools import setup\nbins = ('t', 'u')\nsetup(name='t', entry_points={'console_scripts': [f'{b} = x.{b}:m' for b in bins]})"}, ["t", "u"]),
    "setup.py, branches": ({"setup.py": "import sys\nfrom setuptools import setup\nif sys.platform == 'win32':\n    points = {'console_scripts': ['w = t:w']}\nelse:\n    points = {'console_scripts': ['t = t:m']}\nsetup(name='t', entry_points=points)"}, ["t"]),
    "setup.py, ** of a dict": ({"setup.py": "from setuptools import setup\nkw = dict(name='t', scripts=['bin/t'])\nsetup(**kw)", "bin/t*": "#!/usr/bin/env python\n"}, ["t"]),
    "setup.py, script files": ({"setup.py": "from distutils.core import setup\nsetup(name='t', scripts=['bin/t'])", "bin/t*": "#!/usr/bin/env python\n"}, ["t"]),
}  # fmt: skip


@pytest.mark.parametrize("shape", DECLARED)
def test_console_scripts_of_every_back_end_are_found(shape: str, tmp_path: Path) -> None:
    files, commands = DECLARED[shape]

    made = plan(tmp_path, files, "t")

    assert [name for name in names(made) if name in commands] == commands
    assert made.commands[0].run == [f"/opt/venv/bin/{commands[0]}"]
    assert step(made, "install")[-1] == "."


def test_setup_py_is_never_executed(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    files = {
        "setup.py": f"open({str(marker)!r}, 'w')\nfrom setuptools import setup\nsetup(name='t', entry_points={{'console_scripts': ['t=t:m']}})"
    }

    assert names(plan(tmp_path / "r", files)) == ["t"]
    assert not marker.exists()


def test_dependencies_are_installed_before_the_source_is_there(tmp_path: Path) -> None:
    made = plan(tmp_path, {"pyproject.toml": '[project]\nname="t"\ndependencies=["a>=1", "b[x]; python_version<\'4\'"]\n[project.scripts]\nt="t:m"\n[build-system]\nrequires=[]'})  # fmt: skip

    first, install = made.steps
    assert (first.files, first.argv[-3:]) == ([], ["--", "a>=1", "b[x]; python_version<'4'"])
    assert install.files is None


def test_poetrys_dependencies_become_requirements(tmp_path: Path) -> None:
    made = plan(tmp_path, {"pyproject.toml": '[tool.poetry]\nname="t"\n[tool.poetry.dependencies]\npython="^3.9"\na="^1.2"\nb={version="~2.0", extras=["x"], optional=false}\nc={version="*", optional=true}\n[tool.poetry.scripts]\nt="t:m"'})  # fmt: skip

    assert step(made, "dependencies")[-2:] == ["a>=1.2,<2", "b[x]>=2.0,<2.1"]


@pytest.mark.parametrize(
    ("text", "standard"),
    [("^1.2.3", ">=1.2.3,<2"), ("^0.2.3", ">=0.2.3,<0.3"), ("^0.0.3", ">=0.0.3,<0.0.4"), ("~1.2", ">=1.2,<1.3"), ("~1", ">=1,<2"),
     ("*", ""), ("1.2", "==1.2"), ("1.*", "==1.*"), (">=1,<2", ">=1,<2"), (">=3.8 <4", ">=3.8,<4"), ("~=1.4", "~=1.4")],
)  # fmt: skip
def test_a_poetry_version_as_a_standard_one(text: str, standard: str) -> None:
    assert poetry.caret(text) == standard


def test_a_dependency_by_path_waits_for_the_source(tmp_path: Path) -> None:
    made = plan(tmp_path, {"pyproject.toml": '[project]\nname="t"\ndependencies=["a @ file:///app/a"]\n[project.scripts]\nt="t:m"\n[build-system]\nrequires=[]'})  # fmt: skip

    assert [s.name for s in made.steps] == ["install"]


def test_a_script_with_requirements_runs_from_its_file(tmp_path: Path) -> None:
    """The shape of s0md3v/Photon."""
    made = plan(tmp_path, {"requirements.txt": "-r more.txt\nrequests\n", "more.txt": "tld\n", "photon.py*": "#!/usr/bin/env python3\nimport argparse, requests\nargs = argparse.ArgumentParser().parse_args()\n", "core/utils.py": "import json\n", "plugins/__init__.py": ""}, "Photon")  # fmt: skip

    assert made.commands[0].name == "photon.py"
    assert made.commands[0].run == ["/opt/venv/bin/python", "/app/photon.py"]
    assert made.steps[0].files == ["requirements.txt", "more.txt"]
    assert made.network.mode == "internet"


def test_without_a_manifest_imports_are_scanned(tmp_path: Path) -> None:
    made = plan(
        tmp_path,
        {
            "tool.py": "import cv2, yaml, os, helper, numpy\n" + ARGPARSE,
            "helper.py": "import Bio.SeqIO\n",
        },
    )

    assert step(made, "dependencies")[-4:] == [
        "biopython",
        "numpy",
        "opencv-python-headless",
        "pyyaml",
    ]


def test_unknown_imports_are_never_asked_of_an_index(tmp_path: Path) -> None:
    made = plan(tmp_path, {"tool.py": "import totally_unknown_thing\n" + ARGPARSE})

    assert step(made, "dependencies") == []
    assert any("totally_unknown_thing" in line for line in made.evidence)


def test_a_guarded_import_is_optional() -> None:
    module = python_imports.parse(
        "try:\n  import numpy\nexcept ImportError:\n  numpy = None\ntry:\n  import yaml\nexcept ImportError:\n  raise SystemExit('x')\n"
    )

    assert module is not None
    assert python_imports.imported(module) == {"yaml"}


def test_a_pyproject_of_tools_only_is_no_manifest(tmp_path: Path) -> None:
    made = plan(
        tmp_path, {"pyproject.toml": "[tool.black]\nline-length = 100\n", "tool.py": ARGPARSE}
    )

    assert made.commands[0].run == ["/opt/venv/bin/python", "/app/tool.py"]
    assert made.steps == []


def test_an_application_without_a_build_system_is_not_installed(tmp_path: Path) -> None:
    made = plan(
        tmp_path,
        {"pyproject.toml": '[project]\nname="tool"\ndependencies=["rich"]\n', "main.py": ARGPARSE},
    )

    assert [s.name for s in made.steps] == ["dependencies"]
    assert names(made) == ["main.py"]


def test_a_package_with_main_runs_as_a_module(tmp_path: Path) -> None:
    made = plan(
        tmp_path,
        {
            "tool/__init__.py": "",
            "tool/__main__.py": "from .cli import main\nmain()\n",
            "tool/cli.py": "import argparse\n",
        },
    )

    assert made.commands[0].run == ["/opt/venv/bin/python", "-m", "tool"]
    assert made.env["PYTHONPATH"] == "/app"


def test_a_script_without_extension_is_found_by_its_shebang(tmp_path: Path) -> None:
    made = plan(tmp_path, {"tool*": "#!/usr/bin/env python3\nimport sys\nprint(sys.argv[1])\n"})

    assert made.commands[0].run == ["/opt/venv/bin/python", "/app/tool"]


@pytest.mark.parametrize(
    ("end", "runs"),
    [
        ("", False),
        ("if sys.platform == 'win32':\n    WIDE = True\n", False),
        ("try:\n    import json\nexcept ImportError:\n    json = None\n", False),
        ("main()\n", True),
        ("raise SystemExit(main())\n", True),
        ("try:\n    main()\nfinally:\n    pass\n", True),
        ("for line in sys.stdin:\n    main()\n", True),
    ],
)
def test_a_shebang_over_definitions_alone_is_no_command(
    tmp_path: Path, end: str, runs: bool
) -> None:
    library = (
        '#!/usr/bin/env python\n"""Words."""\nimport sys\nWIDE = False\ndef main():\n    pass\n'
    )

    made = plan(tmp_path, {"tool.py": ARGPARSE, "lib/words.py": library + end})

    assert names(made) == ["tool.py", "words.py"][: 1 + runs]


def test_the_command_named_like_the_repository_comes_first_and_tests_last(tmp_path: Path) -> None:
    made = plan(
        tmp_path,
        {
            name: ARGPARSE
            for name in ("aaa.py", "tool.py", "examples/demo.py", "scripts/release.py", "zzz.py")
        },
    )

    assert names(made) == ["tool.py", "aaa.py", "zzz.py", "demo.py", "release.py"]


def test_console_scripts_named_like_the_project_come_first(tmp_path: Path) -> None:
    made = plan(
        tmp_path,
        {
            "pyproject.toml": '[project]\nname="docutils"\n[project.scripts]\nabc="a:b"\ndocutils="a:m"\n[build-system]\nrequires=[]'
        },
        "x",
    )

    assert names(made) == ["docutils", "abc"]


@pytest.mark.parametrize(
    ("requires", "base"),
    [("<3.11", "python"), (">=3.7,<3.10", "python"), ("==3.12.*", "python3.13")],
)
def test_a_python_above_the_one_that_is_asked_for_is_tried(
    tmp_path: Path, requires: str, base: str
) -> None:
    manifest = f'[project]\nname="t"\nrequires-python="{requires}"\ndependencies=["a"]\n[project.scripts]\nt="t:m"\n[build-system]\nrequires=[]'
    made = plan(tmp_path, {"pyproject.toml": manifest})

    assert made.base == base
    assert step(made, "install")[:5] == ["/opt/venv/bin/python", "-m", "pip", "install", "--ignore-requires-python"]  # fmt: skip
    assert step(made, "dependencies")[:3] == ["uv", "pip", "install"]
    assert any("all the same" in line for line in made.evidence)


def test_a_setup_py_alone_is_built_with_earlier_setuptools(tmp_path: Path) -> None:
    old = plan(tmp_path / "old", {"setup.py": "from setuptools import setup\nsetup(name='t', scripts=['t'])", "t*": ""})  # fmt: skip
    new = plan(tmp_path / "new", {"pyproject.toml": '[project]\nname="t"\n[project.scripts]\nt="t:m"\n[build-system]\nrequires=["setuptools>=82"]'})  # fmt: skip

    assert [step.env.get("UV_BUILD_CONSTRAINT") for step in old.steps] == ["/opt/older-setuptools.txt"]  # fmt: skip
    assert [step.env.get("UV_BUILD_CONSTRAINT") for step in new.steps] == [None]


@pytest.mark.parametrize("requires", [">=3.14", "<3"])
def test_another_python_is_refused_with_a_sentence(tmp_path: Path, requires: str) -> None:
    with pytest.raises(NoPlan, match=r"needs Python .* have Python 3\.11 and 3\.13"):
        plan(
            tmp_path,
            {
                "pyproject.toml": f'[project]\nname="t"\nrequires-python="{requires}"\n[project.scripts]\nt="t:m"\n[build-system]\nrequires=[]'
            },
        )


@pytest.mark.parametrize(
    ("files", "base", "instead"),
    [
        ({"pyproject.toml": '[project]\nname="t"\nrequires-python=">=3.12"\n[project.scripts]\nt="t:m"\n[build-system]\nrequires=[]'}, "python3.13", ""),
        ({"pyproject.toml": '[project]\nname="t"\nrequires-python=">=3.9"\n[project.scripts]\nt="t:m"\n[build-system]\nrequires=[]', ".python-version": "3.13"}, "python3.13", ""),
        ({"pyproject.toml": '[project]\nname="t"\nrequires-python="<3.12"\n[project.scripts]\nt="t:m"\n[build-system]\nrequires=[]', ".python-version": "3.13"}, "python", ""),
        ({"tool.py": ARGPARSE, ".python-version": "3.12.4\n"}, "python3.13", "3.12"),
        ({"tool.py": ARGPARSE, ".python-version": "3.14\n"}, "python3.13", "3.14"),
        ({"tool.py": ARGPARSE, "runtime.txt": "python-3.8.1\n"}, "python", "3.8"),
        ({"tool.py": "# /// script\n# requires-python = '>=3.13'\n# ///\n" + ARGPARSE}, "python3.13", ""),
    ],
)  # fmt: skip
def test_the_python_that_a_project_asks_for(
    tmp_path: Path, files: Files, base: str, instead: str
) -> None:
    made = plan(tmp_path, files)

    assert made.base == base
    said = [line for line in made.evidence if "not to be had" in line]
    assert [f"asks for Python {instead}," in line for line in said] == ([True] if instead else [])


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": '[project]\nname="t"\ndynamic=["version"]\n[project.scripts]\nt="t:m"\n[build-system]\nrequires=["setuptools_scm[toml]"]'},
        {"pyproject.toml": '[project]\nname="t"\n[project.scripts]\nt="t:m"\n[build-system]\nrequires=["hatch-vcs"]\n[tool.hatch.version]\nsource="vcs"'},
        {"pyproject.toml": '[project]\nname="t"\n[project.scripts]\nt="t:m"\n[build-system]\nrequires=["pdm-backend"]\n[tool.pdm.version]\nsource="scm"'},
        {"setup.py": "from setuptools import setup\nsetup(name='t', use_scm_version=True, entry_points={'console_scripts': ['t=t:m']})"},
        {"setup.cfg": "[metadata]\nname=t\n[entry_points]\nconsole_scripts=\n  t=t:m\n", "setup.py": "from setuptools import setup\nsetup(setup_requires=['pbr'], pbr=True)"},
    ],
)  # fmt: skip
def test_a_version_from_tags_is_passed_to_the_back_end(tmp_path: Path, files: Files) -> None:
    made = plan(tmp_path, files, version="1.5.dev2+gabc1234")

    env = made.steps[-1].env
    assert (
        env["SETUPTOOLS_SCM_PRETEND_VERSION"] == env["PDM_BUILD_SCM_VERSION"] == "1.5.dev2+gabc1234"
    )
    assert env["PBR_VERSION"] == "1.5.dev2"


def test_system_packages_that_distributions_need_are_added(tmp_path: Path) -> None:
    made = plan(
        tmp_path, {"requirements.txt": "python-magic\npytesseract>=0.3\n", "tool.py": ARGPARSE}
    )

    assert made.system_packages == ["libmagic1", "tesseract-ocr"]


def test_the_network_is_off_unless_something_needs_it(tmp_path: Path) -> None:
    quiet = plan(tmp_path / "1", {"tool.py": "from urllib.parse import quote\n" + ARGPARSE})
    loud = plan(tmp_path / "2", {"tool.py": "import urllib.request\n" + ARGPARSE})

    assert (quiet.network.mode, loud.network.mode) == ("off", "internet")
    assert any("urllib.request" in line for line in loud.evidence)


@pytest.mark.parametrize(
    "text",
    [
        "[project\n",
        "a = [",
        "\x00",
        "[project]\nname = 1\n",
        '[project]\nname="t"\nscripts = 3\n',
        "[[project]]\n",
        '[tool]\npoetry = "x"',
    ],
)
def test_a_broken_manifest_never_breaks_detection(tmp_path: Path, text: str) -> None:
    try:
        made = plan(
            tmp_path,
            {"pyproject.toml": text, "setup.cfg": text, "setup.py": text, "tool.py": ARGPARSE},
        )
    except NoPlan as refusal:
        assert "cannot be read" in str(refusal)
    else:
        assert "tool.py" in names(made)


BUILD = '[project]\nname="t"\n[project.scripts]\nt="t:m"\n[build-system]\n'


@pytest.mark.parametrize(
    ("build", "tools"),
    [
        ('requires=["setuptools>=68"]\nbuild-backend="setuptools.build_meta"\n', ["setuptools>=68", "wheel"]),
        ('requires=["hatchling", "hatch-vcs"]\nbuild-backend="hatchling.build"\n', ["hatchling", "hatch-vcs"]),
        ('requires=["poetry-core>=1"]\nbuild-backend="poetry.core.masonry.api"\n', ["poetry-core>=1"]),
    ],
)  # fmt: skip
def test_well_known_build_tools_are_a_step_that_does_not_see_the_source(
    tmp_path: Path, build: str, tools: list[str]
) -> None:
    made = plan(tmp_path, {"pyproject.toml": BUILD + build})

    assert [one.name for one in made.steps] == ["build tools", "install"]
    before, install = made.steps
    assert before.argv[-len(tools) :] == tools
    assert before.files == []
    assert "--no-build-isolation" in install.argv
    assert install.env["PYTHONPATH"] == before.argv[before.argv.index("--target") + 1]


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": BUILD + 'requires=["maturin"]\nbuild-backend="maturin"\n'},
        {"pyproject.toml": BUILD + 'requires=["setuptools", "odd"]\nbuild-backend="setuptools.build_meta"\n'},
        {"pyproject.toml": BUILD + 'requires=["hatchling"]\nbuild-backend="hatchling.build"\n[tool.hatch.build.hooks.custom]\n'},
        {"pyproject.toml": BUILD + 'requires=["setuptools @ git+https://x.example/s"]\nbuild-backend="setuptools.build_meta"\n'},
        {"pyproject.toml": BUILD + 'requires=["setuptools"]\nbuild-backend="setuptools.build_meta"\n', "setup.cfg": "[options]\nsetup_requires = pbr\n"},
        {"pyproject.toml": BUILD},
    ],
)  # fmt: skip
def test_other_builds_keep_an_environment_of_their_own(tmp_path: Path, files: Files) -> None:
    made = plan(tmp_path, files)

    assert [one.name for one in made.steps] == ["install"]
    assert "--no-build-isolation" not in made.steps[0].argv
