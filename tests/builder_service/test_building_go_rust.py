"""Real builds of Go and Rust tools: from vendor/, a module proxy and Debian's packages; what is kept, what fails."""

import base64
import hashlib
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from builder_service.operator_env import Operator
from shared.containers import Mount
from tests.builder_service.conftest import Bench
from tests.builder_service.test_building import run
from tests.git_server import repository_from_tree

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(1200)]

FIXTURES = Path(__file__).parent / "fixtures"
GREET = 'package greet\n\nfunc Hello() string { return "hello" }\n'
GO = {
    "go.mod": "module example.org/me/hi\n\ngo 1.21\n\nrequire example.org/greet v1.2.0\n",
    "main.go": 'package main\n\nimport (\n\t"fmt"\n\t"example.org/greet"\n)\n\nfunc main() { fmt.Println("usage:", greet.Hello()) }\n',
}
RUST = {
    "Cargo.toml": '[package]\nname = "hi"\nversion = "1.0.0"\nedition = "2024"\n[dependencies]\ngreet = "1"\n',
    "src/main.rs": 'fn main() { println!("usage: {}", greet::hello()); }\n',
    "vendor/greet/Cargo.toml": '[package]\nname = "greet"\nversion = "1.2.0"\nedition = "2021"\n',
    "vendor/greet/src/lib.rs": 'pub fn hello() -> &\'static str { "hello" }\n',
    "vendor/greet/.cargo-checksum.json": '{"files": {}}',
}


@pytest.mark.parametrize(
    ("fixture", "names", "arguments", "package"),
    [
        ("go/debian-pflag", ["tally", "gen"], ["notes.txt"], "golang-github-spf13-pflag-dev="),
        ("rust/debian-getopts", ["tally", "untally"], ["-l2", "notes.txt"], "librust-getopts-dev="),
    ],
)
def test_libraries_come_from_debian_where_no_registry_answers(
    bench: Bench, tmp_path: Path, fixture: str, names: list[str], arguments: list[str], package: str
) -> None:
    name = fixture.replace("/", "-")
    repository_from_tree(bench.server.root, name, FIXTURES / fixture)
    attempt = bench.attempt(bench.server.link(name))

    report = attempt.live()

    assert report.state == "succeeded", attempt.log
    assert [command.name for command in report.commands] == names
    assert f"from Debian: {package}" in attempt.log
    assert report.image
    printed = run(bench, report.image, report.commands[0], arguments, tmp_path / "work")
    assert printed == (FIXTURES / fixture / "expected").read_text()


@pytest.mark.parametrize(
    ("files", "source"),
    [
        (
            {
                **GO,
                "vendor/modules.txt": "# example.org/greet v1.2.0\n## explicit\nexample.org/greet\n",
                "vendor/example.org/greet/greet.go": GREET,
            },
            "main.go",
        ),
        (RUST, "src/main.rs"),
    ],
)
def test_what_is_vendored_is_compiled_once_and_a_change_of_the_source_takes_effect(
    bench: Bench, tmp_path: Path, files: dict[str, str], source: str
) -> None:
    name = "vendored-" + source.replace("/", "-").replace(".", "-")
    first = bench.attempt(bench.repository(name, files))
    one = first.live()
    changed = {**files, source: files[source].replace("usage:", "Usage: really,")}
    second = bench.attempt(bench.repository(name, changed))
    two = second.live()

    assert (one.state, two.state) == ("succeeded", "succeeded"), first.log + second.log
    assert "looking among Debian's packages" not in first.log
    assert "dependencies: kept from an earlier build" in second.log
    assert one.image and two.image
    assert run(bench, one.image, one.commands[0], [], tmp_path / "1") == "usage: hello\n"
    assert run(bench, two.image, two.commands[0], [], tmp_path / "2") == "Usage: really, hello\n"


@dataclass(frozen=True)
class WithProxy(Operator):
    """An operator whose module proxy is a folder."""

    folder: Path = Path()

    def mounts(self) -> tuple[Mount, ...]:
        return (*super().mounts(), Mount(self.folder, "/run/proxy", read_only=True))


def sums(files: dict[str, bytes]) -> str:
    lines = "".join(f"{hashlib.sha256(files[n]).hexdigest()}  {n}\n" for n in sorted(files))
    return "h1:" + base64.b64encode(hashlib.sha256(lines.encode()).digest()).decode()


def test_modules_come_from_the_operators_proxy_and_are_checked(
    bench: Bench, tmp_path: Path
) -> None:
    versions = tmp_path / "proxy/example.org/greet/@v"
    versions.mkdir(parents=True)
    manifest = b"module example.org/greet\n"
    content = {f"example.org/greet@v1.2.0/{n}": t for n, t in (("go.mod", manifest), ("greet.go", GREET.encode()))}  # fmt: skip
    (versions / "list").write_text("v1.2.0\n")
    (versions / "v1.2.0.info").write_text('{"Version": "v1.2.0"}')
    (versions / "v1.2.0.mod").write_bytes(manifest)
    with zipfile.ZipFile(versions / "v1.2.0.zip", "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    lock = f"example.org/greet v1.2.0 {sums(content)}\nexample.org/greet v1.2.0/go.mod {sums({'go.mod': manifest})}\n"
    operator = WithProxy(
        **{f: getattr(bench.operator, f) for f in bench.operator.__dataclass_fields__}
        | {"go_proxy": "file:///run/proxy", "folder": tmp_path / "proxy"}
    )

    good = bench.attempt(bench.repository("proxied", {**GO, "go.sum": lock}), operator=operator)
    report = good.live()
    assert report.state == "succeeded" and report.image, good.log
    assert run(bench, report.image, report.commands[0], [], tmp_path / "w") == "usage: hello\n"

    forged = lock.replace(sums(content), sums({**content, "x": b"y"}))
    bad = bench.attempt(bench.repository("forged", {**GO, "go.sum": forged}), operator=operator)
    assert bad.live().state == "failed"
    assert "checksum mismatch" in bad.log


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"go.mod": "module example.org/x\n", "main.go": "package main\n\nfunc main() { missing() }\n"},
            "undefined: missing",
        ),
        (GO, "Debian has no package with example.org/greet. Vendor the modules with: go mod vendor"),
        (
            {"Cargo.toml": RUST["Cargo.toml"].replace("greet", "nobody-has-this-crate"), "src/main.rs": "fn main() {}\n"},
            "Debian has no package with the crate nobody-has-this-crate. Vendor the crates with: cargo vendor",
        ),
        ({**RUST, "src/main.rs": "fn main() { missing() }\n"}, "cannot find function `missing`"),
    ],
)  # fmt: skip
def test_what_cannot_be_built_gets_one_sentence(
    bench: Bench, files: dict[str, str], said: str
) -> None:
    name = "broken-" + hashlib.sha256(said.encode()).hexdigest()[:8]
    report = bench.attempt(bench.repository(name, files)).live()

    assert report.state == "failed"
    assert said in (report.reason or "")


def test_the_operators_proxy_is_told_to_builds() -> None:
    operator = replace(Operator(), go_proxy="https://proxy.example.org")

    assert operator.environment()["GOPROXY"] == "https://proxy.example.org"
    assert "GOPROXY" not in Operator().environment()
