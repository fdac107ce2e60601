"""What is found in Go repositories: main packages and their order, dependencies, the release, refusals."""

from pathlib import Path

import pytest

from builder_service.detect.finding import NoPlan
from builder_service.detect.go_files import fits_name, fits_tags, read
from builder_service.steps import expanded
from tests.builder_service.trees import names, plan, step

MAIN = "package main\n\nfunc main() {}\n"
FLAGS = 'package main\n\nimport "flag"\n\nfunc main() { flag.Parse() }\n'
MOD = "module example.org/me/tool\n\ngo 1.21\n"


def importing(*paths: str, package: str = "main") -> str:
    lines = "\n".join(f'\t"{path}"' for path in paths)
    return f"package {package}\n\nimport (\n{lines}\n)\n\nfunc main() {{}}\n"


def test_the_root_of_a_module_is_named_like_its_path(tmp_path: Path) -> None:
    made = plan(tmp_path, {"go.mod": "module example.org/me/anew/v2\n", "main.go": FLAGS}, "fork")

    assert [(c.name, c.run) for c in made.commands] == [("anew", ["/opt/go/bin/anew"])]
    assert (made.runtime, made.base, made.runtime_version) == ("go", "go1.27", "1.27")
    assert [s.argv for s in made.steps] == [
        ["toolyard-go", "build", "--path", "example.org/me/anew/v2", "anew="]
    ]


def test_of_several_commands_the_one_named_like_the_repository_is_first(tmp_path: Path) -> None:
    files = {
        "go.mod": MOD,
        "cmd/admin/main.go": FLAGS,
        "cmd/tool/main.go": MAIN,
        "cmd/zed/z.go": MAIN,
    }
    made = plan(tmp_path, files)

    assert names(made) == ["tool", "admin", "zed"]
    assert step(made, "build")[4:] == ["tool=cmd/tool", "admin=cmd/admin", "zed=cmd/zed"]


def test_a_main_package_in_a_general_folder_is_named_like_the_module(tmp_path: Path) -> None:
    assert names(plan(tmp_path, {"go.mod": MOD, "cmd/main.go": FLAGS})) == ["tool"]


def test_tests_examples_generators_and_other_systems_are_no_tools(tmp_path: Path) -> None:
    files = {
        "go.mod": MOD,
        "main.go": "package tool\n",
        "tool_test.go": MAIN,
        "gen.go": "//go:build ignore\n\n" + MAIN,
        "win/main_windows.go": MAIN,
        "mac/main.go": "// +build darwin\n\n" + MAIN,
        "testdata/a/main.go": MAIN,
    }
    with pytest.raises(NoPlan, match="no package main with a func main"):
        plan(tmp_path, files)


def test_examples_come_last(tmp_path: Path) -> None:
    files = {"go.mod": MOD, "examples/tiny/main.go": FLAGS, "internal/gen/main.go": FLAGS, "shell/main.go": MAIN}  # fmt: skip

    assert names(plan(tmp_path, files))[0] == "shell"


def test_only_what_the_programs_reach_is_a_dependency(tmp_path: Path) -> None:
    files = {
        "go.mod": MOD + "require github.com/spf13/cobra v1.8.0\n",
        "go.sum": "",
        "main.go": importing("fmt", "github.com/spf13/cobra", "example.org/me/tool/inner"),
        "inner/inner.go": importing("gopkg.in/yaml.v3", package="inner"),
        "inner/inner_test.go": importing("example.org/only/tests", package="inner"),
        "unused/unused.go": importing("example.org/not/reached", package="unused"),
        "examples/big/main.go": importing("example.org/only/examples"),
    }
    made = plan(tmp_path, files)

    assert made.steps[0].files == ["go.mod", "go.sum"]
    assert made.steps[0].argv[4:] == ["--needed", "2", "github.com/spf13/cobra", "gopkg.in/yaml.v3"]
    assert names(made) == ["tool", "big"]


def test_a_change_of_the_source_leaves_the_dependency_step_as_it_is(tmp_path: Path) -> None:
    files = {"go.mod": MOD, "main.go": importing("gopkg.in/yaml.v3")}
    first = plan(tmp_path, files)
    second = plan(tmp_path, {**files, "main.go": files["main.go"] + "\nfunc more() {}\n"})

    assert first.steps[0] == second.steps[0]


def test_vendored_modules_are_files_of_the_dependency_step(tmp_path: Path) -> None:
    files = {
        "go.mod": MOD,
        "main.go": importing("gopkg.in/yaml.v3"),
        "vendor/modules.txt": "# gopkg.in/yaml.v3 v3.0.1\n",
        "vendor/gopkg.in/yaml.v3/yaml.go": "package yaml\n",
    }
    made = plan(tmp_path, files)

    assert made.steps[0].files == ["go.mod", "vendor/"]
    assert set(expanded(tmp_path, made.steps[0].files)) == set(files) - {"main.go"}


def test_a_vendor_folder_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "vendor").symlink_to("/etc")

    assert expanded(tmp_path, ["vendor/"]) == []


def test_before_modules_the_import_path_is_the_one_that_the_files_use(tmp_path: Path) -> None:
    files = {
        "main.go": importing("github.com/Owner/tool/lib", "github.com/spf13/pflag"),
        "lib/lib.go": importing("os", package="lib"),
    }
    made = plan(tmp_path, files, "forked-tool")

    assert step(made, "dependencies")[2:] == [
        "--path", "github.com/Owner/tool", "--needed", "1", "github.com/spf13/pflag",
    ]  # fmt: skip
    assert names(made) == ["tool"]
    assert any("no go.mod" in line for line in made.evidence)


def test_a_module_in_a_folder_is_built_there(tmp_path: Path) -> None:
    files = {
        "README.md": "",
        "go/go.mod": "module example.org/x/engine\n",
        "go/cmd/tool/main.go": FLAGS,
    }
    made = plan(tmp_path, files)

    assert step(made, "build") == [
        "toolyard-go", "build", "--folder", "go", "--path", "example.org/x/engine", "tool=cmd/tool",
    ]  # fmt: skip


def test_separate_programs_in_one_folder_are_built_one_by_one(tmp_path: Path) -> None:
    made = plan(tmp_path, {"count.go": FLAGS, "sum.go": FLAGS}, "tools-of-mine")

    assert step(made, "build")[4:] == ["count=:count.go", "sum=:sum.go"]


def test_the_owner_may_name_a_package_or_a_file(tmp_path: Path) -> None:
    files = {"go.mod": MOD, "cmd/tool/main.go": FLAGS, "cmd/other/main.go": FLAGS}

    assert names(plan(tmp_path, files, command="other")) == ["other", "tool"]
    assert names(plan(tmp_path, files, command="./cmd/other")) == ["other", "tool"]
    assert names(plan(tmp_path, files, command="cmd/other/main.go")) == ["other", "tool"]


def test_the_c_compiler_and_libraries_come_with_cgo(tmp_path: Path) -> None:
    preamble = "package main\n\n/*\n#cgo pkg-config: libpcre2-8\n#cgo LDFLAGS: -lmagic -lm\n*/\nimport \"C\"\n\nfunc main() {}\n"  # fmt: skip
    made = plan(tmp_path, {"go.mod": MOD, "main.go": preamble})

    assert made.steps[0].env == {"CGO_ENABLED": "1"}
    assert made.system_packages == ["libmagic-dev", "libpcre2-dev", "pkg-config"]


def test_a_database_driver_in_c_is_compiled(tmp_path: Path) -> None:
    made = plan(tmp_path, {"go.mod": MOD, "main.go": importing("github.com/mattn/go-sqlite3")})
    pure = plan(tmp_path, {"go.mod": MOD, "main.go": importing("modernc.org/sqlite")})

    assert [s.env["CGO_ENABLED"] for s in (made.steps[0], pure.steps[0])] == ["1", "0"]


def test_a_release_that_cannot_be_had_is_refused(tmp_path: Path) -> None:
    files = {"go.mod": MOD.replace("1.21", "1.99"), "main.go": FLAGS}

    with pytest.raises(NoPlan, match=r"needs Go 1\.99; builds here have Go 1\.27 and 1\.24"):
        plan(tmp_path, files)


def test_modules_that_the_newest_release_does_not_compile_get_an_older_one(tmp_path: Path) -> None:
    tools = "require golang.org/x/tools v0.1.12\n"

    assert plan(tmp_path, {"go.mod": MOD + tools, "main.go": FLAGS}).base == "go1.24"
    newer = MOD.replace("1.21", "1.25") + tools
    assert plan(tmp_path, {"go.mod": newer, "main.go": FLAGS}).base == "go1.27"


def test_a_go_mod_without_a_module_gets_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(NoPlan, match=r"go\.mod names no module\. Its first line has to be like"):
        plan(tmp_path, {"go.mod": "go 1.21\n", "main.go": FLAGS})


def test_the_larger_language_of_a_mixed_repository_wins(tmp_path: Path) -> None:
    files = {
        "go.mod": MOD,
        "main.go": FLAGS + "// much of it\n" * 50,
        "package.json": '{"name": "tool", "bin": "run.js"}',
        "run.js": "#!/usr/bin/env node\n",
    }
    assert plan(tmp_path, files).runtime == "go"


def test_a_tool_that_talks_to_hosts_gets_the_internet(tmp_path: Path) -> None:
    quiet = plan(tmp_path, {"go.mod": MOD, "main.go": importing("golang.org/x/net/html")})
    loud = plan(
        tmp_path, {"go.mod": MOD, "main.go": importing("github.com/aws/aws-sdk-go/service/s3")}
    )

    assert (quiet.network.mode, loud.network.mode) == ("off", "internet")


@pytest.mark.parametrize(
    ("path", "taken"),
    [("a.go", True), ("a_linux.go", True), ("linux.go", True), ("a_windows.go", False), ("a_linux_arm64.go", False),
     ("a_linux_amd64.go", True), ("a_test.go", False), ("_a.go", False), ("x/a_unix.go", True), ("windows.go", True)],
)  # fmt: skip
def test_names_that_a_build_takes(path: str, taken: bool) -> None:
    assert fits_name(path) is taken


@pytest.mark.parametrize(
    ("line", "taken"),
    [("//go:build linux && !cgo", True), ("//go:build (darwin || linux) && amd64", True), ("//go:build !unix", False),
     ("//go:build go1.18", True), ("//go:build tools", False), ("// +build linux,!cgo windows", True),
     ("// +build linux\n// +build arm", False), ("//go:build (((", True), ("// not a +build line", True)],
)  # fmt: skip
def test_tags_that_a_build_takes(line: str, taken: bool) -> None:
    assert fits_tags(f"{line}\n\npackage main\n") is taken


def test_imports_are_read_past_comments_and_aliases() -> None:
    text = '// import "no"\npackage main // import "example.org/x"\n\nimport f "fmt"\nimport (\n\t_ "a.b/c" // "d.e/f"\n\t. `g.h/i`\n)\nvar s = `import "j.k/l"`\n'
    file = read("main.go", text)

    assert file is not None and file.imports == ("fmt", "a.b/c", "g.h/i")
    assert (file.import_path, file.has_main) == ("example.org/x", False)
