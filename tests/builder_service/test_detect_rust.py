"""What is found in Rust repositories: programs and their order, workspaces, crates, the toolchain, refusals."""

from pathlib import Path

import pytest

from builder_service.detect.finding import NoPlan
from tests.builder_service.trees import names, plan, step

MAIN = "fn main() {}\n"


def cargo(name: str = "tool", more: str = "", edition: str = "2021") -> str:
    return f'[package]\nname = "{name}"\nversion = "1.0.0"\nedition = "{edition}"\n{more}'


def test_a_package_with_a_main_and_no_crates(tmp_path: Path) -> None:
    made = plan(
        tmp_path, {"Cargo.toml": cargo(edition="2024"), "Cargo.lock": "", "src/main.rs": MAIN}
    )

    assert [(c.name, c.run) for c in made.commands] == [("tool", ["/opt/rust/bin/tool"])]
    assert [s.argv for s in made.steps] == [["toolyard-rust", "build", "tool=tool"]]
    assert (made.runtime, made.base) == ("rust", "rust")


def test_declared_and_implied_programs_with_their_features(tmp_path: Path) -> None:
    bins = '[[bin]]\nname = "rg"\npath = "core/main.rs"\nrequired-features = ["cli", "fast"]\n'
    files = {"Cargo.toml": cargo(more=bins), "core/main.rs": MAIN, "src/main.rs": MAIN, "src/bin/extra.rs": MAIN, "src/bin/more/main.rs": MAIN}  # fmt: skip
    made = plan(tmp_path, files)

    assert names(made) == ["tool", "extra", "more", "rg"]
    assert step(made, "build")[2:] == ["tool=tool", "extra=tool", "more=tool", "rg=tool:cli,fast"]


def test_a_program_of_another_name_in_the_package_of_the_repository_is_first(
    tmp_path: Path,
) -> None:
    files = {
        "Cargo.toml": '[workspace]\nmembers = ["crates/*"]\n',
        "crates/aid/Cargo.toml": cargo("aid"),
        "crates/aid/src/main.rs": MAIN,
        "crates/ripgrep/Cargo.toml": cargo("ripgrep", '[[bin]]\nname = "rg"\npath = "m.rs"\n'),
    }
    assert names(plan(tmp_path, files, "ripgrep")) == ["rg", "aid"]


def test_the_default_run_is_preferred(tmp_path: Path) -> None:
    files = {"Cargo.toml": cargo("suite", 'default-run = "beta"\n'), "src/bin/alpha.rs": MAIN, "src/bin/beta.rs": MAIN}  # fmt: skip

    assert names(plan(tmp_path, files, "other")) == ["beta", "alpha"]


def test_examples_tests_and_helpers_are_no_first_choice(tmp_path: Path) -> None:
    files = {
        "Cargo.toml": '[workspace]\nmembers = ["app", "xtask", "examples/*"]\n',
        "app/Cargo.toml": cargo("zebra"), "app/src/main.rs": MAIN,
        "xtask/Cargo.toml": cargo("xtask"), "xtask/src/main.rs": MAIN,
        "examples/a/Cargo.toml": cargo("a"), "examples/a/src/main.rs": MAIN,
        "vendored/b/Cargo.toml": cargo("b"), "vendored/b/src/main.rs": MAIN, "vendored/b/.cargo-checksum.json": "{}",
    }  # fmt: skip
    assert names(plan(tmp_path, files)) == ["zebra", "xtask", "a"]


def test_a_package_outside_the_workspace_stays_outside(tmp_path: Path) -> None:
    files = {
        "Cargo.toml": cargo(more='[workspace]\nmembers = ["lib"]\nexclude = ["fuzz"]\n'),
        "src/main.rs": MAIN,
        "lib/Cargo.toml": cargo("lib"),
        "fuzz/Cargo.toml": cargo("fuzz", '[dependencies]\nlibfuzzer-sys = "0.4"\n'),
        "fuzz/src/main.rs": MAIN,
    }
    made = plan(tmp_path, files)

    assert names(made) == ["tool"]
    assert made.steps[0].name == "build"


def test_crates_are_fetched_by_manifests_and_lock(tmp_path: Path) -> None:
    lock = '[[package]]\nname = "openssl-sys"\nsource = "registry"\n[[package]]\nname = "reqwest"\nsource = "registry"\n'
    files = {"Cargo.toml": cargo(more='[dependencies]\nreqwest = "0.12"\n'), "Cargo.lock": lock, "src/main.rs": MAIN}  # fmt: skip
    first = plan(tmp_path, files)
    second = plan(tmp_path, {**files, "src/main.rs": MAIN + "fn more() {}\n"})

    assert sorted(first.steps[0].files or []) == ["Cargo.lock", "Cargo.toml"]
    assert first.steps[0] == second.steps[0]
    assert (first.system_packages, first.network.mode) == (["libssl-dev"], "internet")


@pytest.mark.parametrize(
    ("config", "folder", "option"),
    [
        ('[source.crates-io]\nreplace-with = "v"\n[source.v]\ndirectory = "third"\n', "third", []),
        ("", "vendor", ["--vendor", "vendor"]),
    ],
)
def test_vendored_crates_are_used(
    tmp_path: Path, config: str, folder: str, option: list[str]
) -> None:
    files = {
        "Cargo.toml": cargo(more='[dependencies]\na = "1"\n'),
        "src/main.rs": MAIN,
        f"{folder}/a/Cargo.toml": cargo("a"),
        f"{folder}/a/.cargo-checksum.json": "{}",
        **({".cargo/config.toml": config} if config else {}),
    }
    made = plan(tmp_path, files)

    assert f"{folder}/" in (made.steps[0].files or [])
    assert made.steps[0].argv == ["toolyard-rust", "dependencies", *option, "tool=tool"]
    assert names(made) == ["tool"]


@pytest.mark.parametrize(
    ("more", "edition", "said"),
    [
        ('rust-version = "1.250"\n', "2021", r"needs Rust 1\.250"),
        ("", "2099", "needs edition 2099"),
    ],
)
def test_a_toolchain_that_cannot_be_had_is_refused(
    tmp_path: Path, more: str, edition: str, said: str
) -> None:
    files = {"Cargo.toml": cargo(more=more, edition=edition), "src/main.rs": MAIN}

    with pytest.raises(NoPlan, match=said + r"; builds here have Rust 1\.96 \(edition 2024\)"):
        plan(tmp_path, files)


@pytest.mark.parametrize(
    ("name", "text", "asked"),
    [
        ("rust-toolchain.toml", '[toolchain]\nchannel = "1.97.1"\n', "1.97"),
        ("rust-toolchain", "1.70.0\n", "1.70"),
        ("rust-toolchain.toml", '[toolchain]\nchannel = "stable"\n', ""),
    ],
)
def test_another_release_of_a_toolchain_file_is_told(
    tmp_path: Path, name: str, text: str, asked: str
) -> None:
    made = plan(tmp_path, {"Cargo.toml": cargo(), "src/main.rs": MAIN, name: text})

    told = f"{name} asks for Rust {asked}, which is not to be had here: 1.96 instead"
    assert (told in made.evidence) == bool(asked)


def test_the_workspace_tells_the_version_of_its_members(tmp_path: Path) -> None:
    files = {
        "Cargo.toml": '[workspace]\nmembers = ["a"]\n[workspace.package]\nrust-version = "2.0"\n',
        "a/Cargo.toml": '[package]\nname = "a"\nrust-version.workspace = true\n',
        "a/src/main.rs": MAIN,
    }
    with pytest.raises(NoPlan, match=r"needs Rust 2\.0"):
        plan(tmp_path, files)


def test_nightly_features_are_allowed_where_asked_for(tmp_path: Path) -> None:
    files = {"Cargo.toml": cargo(), "src/main.rs": "#![feature(let_chains)]\n" + MAIN}

    assert plan(tmp_path, files).steps[0].env == {"RUSTC_BOOTSTRAP": "1"}


def test_a_library_is_no_tool(tmp_path: Path) -> None:
    with pytest.raises(NoPlan, match=r"Cargo\.toml \(tool\): no src/main\.rs, no \[\[bin\]\]"):
        plan(tmp_path, {"Cargo.toml": cargo(), "src/lib.rs": ""})


def test_a_broken_manifest_gets_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(NoPlan, match=r"Cargo\.toml cannot be read: .*line 1"):
        plan(tmp_path, {"Cargo.toml": "[package\n", "src/main.rs": MAIN})


def test_the_owner_may_name_a_program_or_its_source(tmp_path: Path) -> None:
    files = {"Cargo.toml": cargo(), "src/main.rs": MAIN, "src/bin/other.rs": MAIN}

    assert names(plan(tmp_path, files, command="other")) == ["other", "tool"]
    assert names(plan(tmp_path, files, command="src/bin/other.rs")) == ["other", "tool"]
