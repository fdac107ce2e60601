"""What a failure's text adds to the next plan: pure, on texts that real tools print."""

import pytest

from builder_service.repair import explain, repair
from shared.plan import Command, OwnDockerfile, Plan, Step

COMMANDS = [Command(name="t", run=["t"], evidence="")]


def plan(runtime: str = "c", **changes: object) -> Plan:
    return Plan(runtime=runtime, base=runtime, commands=COMMANDS).model_copy(update=changes)


INSTALL = Step(
    name="install",
    argv=[
        "uv",
        "pip",
        "install",
        "--python",
        "/opt/venv/bin/python",
        "--compile-bytecode",
        "--",
        ".",
    ],
)


def nothing(path: str) -> bool:
    return False


@pytest.mark.parametrize(
    ("said", "package"),
    [
        ("main.c:3:10: fatal error: zlib.h: No such file or directory\n    3 | #include <zlib.h>", "zlib1g-dev"),
        ("x.cpp:1:10: fatal error: 'libxml/parser.h' file not found", "libxml2-dev"),
        ("checking for curses.h... no\nconfigure: error: curses is required", "libncurses-dev"),
        ("/usr/bin/ld: cannot find -lsqlite3: No such file or directory\ncollect2: error", "libsqlite3-dev"),
        ("No package 'libcurl' found", "libcurl4-openssl-dev"),
        ("Package openssl was not found in the pkg-config search path.", "libssl-dev"),
        ("Package 'libarchive', required by 'virtual:world', not found", "libarchive-dev"),
        ('meson.build:4:0: ERROR: Dependency "glib-2.0" not found, tried pkgconfig and cmake', "libglib2.0-dev"),
        ("configure: error: Package requirements (libpng >= 1.2) were not met:", "libpng-dev"),
        ("-- Could NOT find ZLIB (missing: ZLIB_LIBRARY ZLIB_INCLUDE_DIR)", "zlib1g-dev"),
        ('  Could not find a package configuration file provided by "fmt" with any of', "libfmt-dev"),
        ("make: bison: No such file or directory", "bison"),
        ("make[1]: exec: bison: No such file or directory", "bison"),
        ("/bin/sh: 1: flex: not found\nmake: *** [Makefile:4: a.c] Error 127", "flex"),
        ("./build.sh: line 3: xxd: command not found", "xxd"),
        ("/usr/bin/env: 'gawk': No such file or directory", "gawk"),
        ("Error: spawn ffmpeg ENOENT", "ffmpeg"),
        ('exec: "git": executable file not found in $PATH', "git"),
        ("checking for bison... no", "bison"),
        ("Program msgfmt found: NO", "gettext"),
        ("perl: warning: Setting locale failed.", "locales-all"),
        ("tool: error while loading shared libraries: libgsl.so.27: cannot open shared object file: No such file", "libgsl-dev"),
    ],
)  # fmt: skip
def test_what_is_missing_is_named_by_the_error_and_added(said: str, package: str) -> None:
    made = repair(plan(), f"gcc -c main.c\n{said}\nmake: *** [all] Error 1\n", nothing)

    assert made is not None
    changed, why = made
    assert changed.system_packages == [package]
    assert why.startswith(f"{package} was added: ") and why.endswith("was missing.")


@pytest.mark.parametrize(
    "said",
    [
        "", "error: something else entirely", "fatal error: ours/private.h: No such file or directory",
        "sh: 1: our-own-program-1: not found", "cannot find -lnobody_knows", "No package 'squatted' found",
    ],
)  # fmt: skip
def test_a_name_that_nobody_curated_adds_nothing(said: str) -> None:
    assert repair(plan(), said, nothing) is None


def test_what_was_added_before_is_not_added_again() -> None:
    assert (
        repair(plan(system_packages=["bison"]), "make: bison: No such file or directory", nothing)
        is None
    )


def test_another_recipe_is_not_corrected() -> None:
    own = plan("dockerfile", dockerfile=OwnDockerfile(path="Dockerfile", text="FROM debian"))

    assert repair(own, "make: bison: No such file or directory", nothing) is None


def test_a_python_module_comes_from_the_map_only() -> None:
    made = repair(plan("python"), "ModuleNotFoundError: No module named 'yaml'", nothing)

    assert made is not None
    assert made[0].steps[0].argv[-2:] == ["--", "pyyaml"] and made[0].steps[0].files == []
    assert repair(made[0], "ModuleNotFoundError: No module named 'yaml'", nothing) is None
    assert repair(plan("python"), "No module named 'somebodys_own'", nothing) is None
    assert repair(plan("c"), "ModuleNotFoundError: No module named 'yaml'", nothing) is None


def test_a_setup_that_imports_what_it_does_not_declare_is_built_beside_it() -> None:
    install = Step(name="install", argv=["uv", "pip", "install", "--python", "p", "."])
    said = "[stderr]\n  File \"setup.py\", line 2\nModuleNotFoundError: No module named 'numpy'"
    made = repair(plan("python", steps=[install]), said, nothing)

    assert made is not None
    assert [step.name for step in made[0].steps] == ["missing modules", "install"]
    assert "--no-build-isolation" in made[0].steps[1].argv


def test_tkinter_is_debians() -> None:
    made = repair(plan("python"), "ModuleNotFoundError: No module named '_tkinter'", nothing)

    assert made is not None and made[0].system_packages == ["python3-tk"]


def test_a_node_module_that_is_well_known_is_installed_after_all_steps() -> None:
    steps = [Step(name="install", argv=["npm", "ci"])]
    made = repair(
        plan("node", steps=steps), "Error: Cannot find module 'minimist'\nRequire stack:", nothing
    )

    assert made is not None
    assert made[0].steps[-1].argv[-2:] == ["--", "minimist"]
    assert "--ignore-scripts" in made[0].steps[-1].argv
    assert repair(plan("node"), "Cannot find module './lib/x'", nothing) is None
    assert repair(plan("node"), "Cannot find module 'left-padd'", nothing) is None


@pytest.mark.parametrize(
    ("runtime", "said", "package"),
    [
        (
            "perl",
            "Can't locate Text/CSV_XS.pm in @INC (you may need to install it)",
            "libtext-csv-xs-perl",
        ),
        ("perl", "Can't locate JSON/MaybeXS.pm in @INC (you may need", "libjson-maybexs-perl"),
        ("ruby", "in `require': cannot load such file -- kramdown (LoadError)", "ruby-kramdown"),
        (
            "r",
            "Error in library(optparse) : there is no package called ‘optparse’",
            "r-cran-optparse",
        ),
    ],
)
def test_debians_own_names_follow_from_a_rule(runtime: str, said: str, package: str) -> None:
    made = repair(plan(runtime), said, nothing)

    assert made is not None
    step = made[0].steps[0]
    assert step.as_root and step.argv == ["apt-get", "install", "--known", package]
    assert repair(made[0], said, nothing) is None


def test_a_file_of_the_repository_that_is_not_found_moves_the_start() -> None:
    said = "FileNotFoundError: [Errno 2] No such file or directory: 'data/words.txt'"
    made = repair(plan("python"), said, lambda path: path == "data/words.txt")

    assert made is not None
    assert made[0].start == "repository" and "data/words.txt" in made[1]
    assert repair(plan("python"), said, nothing) is None
    assert repair(made[0], said, lambda path: True) is None


def test_python_2_is_told_and_not_repaired() -> None:
    said = "SyntaxError: Missing parentheses in call to 'print'. Did you mean print(...)?"

    assert repair(plan("python"), said, nothing) is None
    assert "Python 2" in explain(said) and explain("all is well") == ""


@pytest.mark.parametrize(
    "said",
    [
        "ModuleNotFoundError: No module named 'pkg_resources'",
        "ModuleNotFoundError: No module named 'setuptools.command.test'",
        "setuptools.errors.InvalidConfigError: Invalid dash-separated key 'description-file' in 'metadata' (setup.cfg)",
    ],
)
def test_what_later_setuptools_have_dropped_is_built_with_earlier_ones(said: str) -> None:
    first = plan("python", steps=[INSTALL])
    made = repair(first, f"{said}\nhint: setuptools.build_meta failed\n", nothing)

    assert made is not None
    changed, why = made
    assert changed.steps[0].env["UV_BUILD_CONSTRAINT"] == "/opt/older-setuptools.txt"
    assert "earlier setuptools" in why
    assert repair(changed, "TypeError: nothing else", nothing) is None


@pytest.mark.parametrize(
    ("said", "constraint"),
    [
        ("ValueError: numpy.dtype size changed, may indicate binary incompatibility. Expected 96 from C header, got 88 from PyObject", "numpy<2"),
        ("AttributeError: module 'numpy' has no attribute 'float'.\n`np.float` was a deprecated alias", "numpy<1.24"),
        ("AttributeError: `np.NaN` was removed in the NumPy 2.0 release. Use `np.nan` instead.", "numpy<2"),
        ("ImportError: cannot import name '_unicodefun' from 'click' (/opt/venv/lib/python3.11/site-packages/click/__init__.py)", "click<8.1"),
        ("ImportError: cannot import name 'escape' from 'jinja2'", "jinja2<3.1"),
        ("ImportError: cannot import name 'url_quote' from 'werkzeug.urls'", "werkzeug<3"),
        ("TypeError: Descriptors cannot be created directly.", "protobuf<3.21"),
        ("ImportError: cannot import name 'DEFAULT_CIPHERS' from 'urllib3.util.ssl_'", "urllib3<2"),
    ],
)  # fmt: skip
def test_what_a_later_release_has_dropped_is_had_from_an_earlier_one(
    said: str, constraint: str
) -> None:
    first = plan("python", steps=[INSTALL])
    made = repair(first, f"Traceback (most recent call last):\n{said}\n", nothing)

    assert made is not None
    changed, why = made
    assert changed.steps[0].argv == ["/usr/local/bin/with-versions", *INSTALL.argv, "::", constraint]  # fmt: skip
    assert constraint in why
    assert repair(changed, said, nothing) is None  # once is enough
    other = repair(
        changed,
        "No matter\nImportError: cannot import name 'soft_unicode' from 'markupsafe'",
        nothing,
    )
    assert other is not None
    assert other[0].steps[0].argv[-2:] == [constraint, "markupsafe<2.1"]


def test_a_project_that_needs_more_is_built_in_an_environment_of_its_own() -> None:
    tools = Step(
        name="build tools",
        argv=[*INSTALL.argv[:-2], "--target", "/opt/venv/build", "--", "hatchling"],
    )
    install = INSTALL.model_copy(
        update={
            "argv": [*INSTALL.argv[:-2], "--no-build-isolation", "--", "."],
            "env": {"PYTHONPATH": "/opt/venv/build", "PBR_VERSION": "1"},
        }
    )
    first = plan("python", steps=[tools, install])
    said = "error: Failed to build `t @ file:///app`\nThe build backend returned an error\nOSError: oddities"
    made = repair(first, said, nothing)

    assert made is not None
    assert made[0].steps == [INSTALL.model_copy(update={"env": {"PBR_VERSION": "1"}})]
    assert repair(first, "OSError: oddities", nothing) is None
    assert repair(made[0], said, nothing) is None


@pytest.mark.parametrize(
    ("argv", "said", "looser"),
    [
        (["npm", "ci", "--omit=dev"], "npm error code EUSAGE\nnpm error `npm ci` can only install packages when your package.json and package-lock.json are in sync.", ["npm", "install", "--omit=dev"]),
        (["pnpm", "install", "--frozen-lockfile"], "ERR_PNPM_OUTDATED_LOCKFILE  Cannot install with frozen-lockfile", ["pnpm", "install", "--no-frozen-lockfile"]),
        (["yarn", "install", "--frozen-lockfile"], "error Your lockfile needs to be updated, but yarn was run with `--frozen-lockfile`.", ["yarn", "install", "--pure-lockfile"]),
        (["yarn", "install", "--immutable"], "YN0028: The lockfile would have been modified by this install, which is explicitly forbidden.", ["yarn", "install", "--no-immutable"]),
    ],
)  # fmt: skip
def test_a_lock_that_does_not_fit_is_completed(
    argv: list[str], said: str, looser: list[str]
) -> None:
    first = plan("node", steps=[Step(name="dependencies", argv=["without-hooks", "--", *argv])])
    made = repair(first, said, nothing)

    assert made is not None
    assert made[0].steps[0].argv == ["without-hooks", "--", *looser]
    assert repair(first, "npm error code E404", nothing) is None
    assert repair(made[0], said, nothing) is None


@pytest.mark.parametrize(
    ("said", "libraries"),
    [
        ("/usr/bin/ld: a.o: undefined reference to `waddnwstr'", "-lncursesw -ltinfo"),
        ("/usr/bin/ld: a.o: undefined reference to symbol 'keypad'\nlibtinfo.so.6: error adding symbols: DSO missing from command line", "-ltinfo"),
        ("a.c:(.text+0x1): undefined reference to `sqrt'\na.c: undefined reference to `dlopen@GLIBC_2.2'", "-lm -ldl"),
    ],
)  # fmt: skip
def test_what_a_build_file_forgets_to_link_is_linked(said: str, libraries: str) -> None:
    first = plan(steps=[Step(name="make", argv=["make"])])
    made = repair(first, said, nothing)

    assert made is not None
    assert made[0].steps[0].env["LDFLAGS"] == f"-Wl,--no-as-needed {libraries}"
    assert repair(made[0], said, nothing) is None
    assert repair(first, "undefined reference to `my_own_function'", nothing) is None
