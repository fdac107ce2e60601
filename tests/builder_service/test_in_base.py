"""The programs that base images carry: what they choose among Debian's packages."""

import subprocess
import tomllib
from pathlib import Path

import pytest

from builder_service.in_base import rust_manifests, toolyard_go, toolyard_rust
from builder_service.in_base.toolyard_go import choose
from builder_service.in_base.toolyard_rust import offered

PACKAGES = {
    "a.b/c": ["golang-a-c-dev"],
    "a.b/c/inner": ["golang-a-c-dev"],
    "d.e/f": ["golang-copy-of-many-things-dev", "golang-d-f-dev"],
}


def test_a_package_is_taken_only_if_it_holds_the_path() -> None:
    assert choose(["a.b/c", "a.b/c/inner", "d.e/f", "a.b/c/outer"], PACKAGES) == (
        ["golang-a-c-dev", "golang-d-f-dev"],
        ["a.b/c/outer"],
    )


@pytest.mark.parametrize(
    ("asked", "version", "good"),
    [("1", "1.9.0", True), ("1.2.3", "1.2.2", False), ("1.2", "2.0.0", False), ("0.2.3", "0.2.9", True), ("0.2", "0.3.0", False),
     ("=1.2", "1.2.7", True), ("~1.2.3", "1.3.0", False), (">=1, <3", "2.5.0", True), ("*", "0.1.0", True), ("1.*", "1.7.1", True),
     ("^0.0.3", "0.0.4", False), ("nonsense", "1.0.0", False)],
)  # fmt: skip
def test_requirements_of_cargo(asked: str, version: str, good: bool) -> None:
    assert rust_manifests.fits(asked, version) is good


def test_the_newest_version_that_fits_or_else_the_newest() -> None:
    versions = ["0.9.1", "1.0.2", "1.10.0", "2.0.0"]

    assert rust_manifests.newest("1", versions) == ("1.10.0", True)
    assert rust_manifests.newest("3", versions) == ("2.0.0", False)
    assert rust_manifests.newest("3", []) == (None, False)


@pytest.mark.parametrize(
    ("condition", "good"),
    [("cfg(unix)", True), ("cfg(windows)", False), ('cfg(target_os = "linux")', True), ("cfg(not(windows))", True),
     ('cfg(all(unix, not(target_os = "macos")))', True), ('cfg(any(windows, target_arch = "wasm32"))', False),
     ("x86_64-pc-windows-msvc", False), ("x86_64-unknown-linux-gnu", True), ("cfg(", False)],
)  # fmt: skip
def test_conditions_of_targets(condition: str, good: bool) -> None:
    assert rust_manifests.holds(condition) is good


def test_a_manifest_is_trimmed_to_what_a_build_here_needs() -> None:
    manifest = tomllib.loads("""
        [package]
        name = "tool"
        [features]
        default = ["colour"]
        colour = ["dep:paint", "fast?/simd"]
        gui = ["dep:window"]
        fast = ["dep:fast"]
        [dependencies]
        plain = "1"
        own = { path = "../own", version = "3" }
        paint = { version = "2", optional = true }
        window = { version = "2", optional = true }
        fast = { version = "2", optional = true }
        from-git = { git = "https://example.org/x", branch = "main", features = ["y"] }
        [target.'cfg(unix)'.dependencies]
        signals = "0.3"
        [target.'cfg(windows)'.dependencies]
        console = "0.3"
        [dev-dependencies]
        tests = "1"
        """)
    made = rust_manifests.trimmed(manifest, [], lambda crate, asked: f"={asked}")

    assert made["dependencies"] == {
        "plain": "=1", "own": {"path": "../own"}, "paint": {"version": "=2", "optional": True},
        "from-git": {"features": ["y"], "version": "=*"}, "signals": "=0.3",
    }  # fmt: skip
    assert made["features"] == {"default": ["colour"], "colour": ["dep:paint"]}
    assert set(made) == {"package", "features", "dependencies"}
    wanted = rust_manifests.trimmed(manifest, ["gui"], lambda crate, asked: asked)
    assert "window" in wanted["dependencies"] and "gui" in wanted["features"]


def test_what_is_written_is_read_back_the_same() -> None:
    table = {"a-b": 'q"\\\n\t', "c d": {"x": [1, True, "é", 1.5], "y": {}}, "empty": []}

    assert tomllib.loads(rust_manifests.written(table)) == table


def test_crates_are_known_by_name_and_version() -> None:
    assert offered({"ab_glyph-0.2.1": ["librust-ab-glyph-dev"], "x-1.0.0+more": ["librust-x-dev"]}) == {
        "ab_glyph": {"0.2.1": "librust-ab-glyph-dev"},
        "x": {"1.0.0+more": "librust-x-dev"},
    }  # fmt: skip


def test_a_compilers_first_complaint_is_told() -> None:
    rust = "warning: x\nerror[E0425]: cannot find function `a` in this scope\n --> src/main.rs:1:13\n  |\nerror: could not compile\n"
    go = "# example.org/x\n./main.go:3:15: undefined: missing\n./main.go:4:1: more\n"

    assert toolyard_rust.told(rust) == "cannot find function `a` in this scope (src/main.rs:1:13)"
    assert toolyard_rust.told("error: no bin target\n") == "no bin target"
    assert toolyard_rust.told("killed") == "the tool does not compile"
    assert toolyard_go.told(go) == "./main.go:3:15: undefined: missing"
    assert toolyard_go.told("") == "the tool does not compile"


def test_what_a_debian_package_forgets_to_name_is_fetched_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds: list[list[str]] = []

    class Shelf:
        def __init__(self, prefix: str, target: Path) -> None:
            assert prefix == "golang-"

        def unpack(self, packages: list[str]) -> list[str]:
            rounds.append(packages)
            return packages

        def close(self) -> None:
            rounds.append(["closed"])

    absent = iter(["d.e/f\n", ""])

    def go(argv: list[str], *_: object, **__: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(argv, 1, stdout=next(absent), stderr="")

    file = tmp_path / "packages.tsv"
    file.write_text("".join(f"{path}\t{one}\n" for path, all_ in PACKAGES.items() for one in all_))
    for name, fake in (("Archive", Shelf), ("_go", go), ("INDEX", file)):
        monkeypatch.setattr(toolyard_go, name, fake)

    way = toolyard_go._from_debian(["a.b/c"], 1)

    assert way.from_debian
    assert rounds == [["golang-a-c-dev"], ["golang-d-f-dev"], ["closed"]]
