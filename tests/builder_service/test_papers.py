"""What is in an image, as it says itself and as lock files say; and the bill of materials made of it."""

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from builder_service import sbom
from builder_service.detect.tree import Tree
from builder_service.inventory import Component, brings_packages, parse
from builder_service.lock_components import lock_components
from shared.work import Provenance

MADE = Provenance(
    repository="https://git.example.org/a/b",
    commit="c" * 40,
    identity="1" * 64,
    bases={"python": "sha256:" + "2" * 64},
    builder_version="1",
    source_sha256="3" * 64,
)


def test_an_images_answer_is_read_line_by_line() -> None:
    answer = b"deb\tlibc6\t2.36-9\npypi\trich\t13.0\nnpm\t@a/b\t1.0.0\nnpm\t@a/b\t1.0.0\n"
    assert parse(answer) == [
        Component("deb", "libc6", "2.36-9"),
        Component("npm", "@a/b", "1.0.0"),
        Component("pypi", "rich", "13.0"),
    ]


@given(st.binary(max_size=300))
def test_a_hostile_answer_never_breaks_the_document(answer: bytes) -> None:
    document = sbom.document("t", MADE, "MIT", parse(b"deb\tx\t" + answer))
    found = json.loads(document)
    assert all(one["name"].isprintable() for one in found["components"])


def test_what_is_no_component_is_left_out() -> None:
    for line in (b"rpm\tx\t1", b"deb\tx", b"deb\t\t1", b"deb\ta b\t1", b"deb\tx\t1\t2"):
        assert parse(line) == []


def test_a_source_with_packages_in_it_changes_what_an_image_holds(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/package.json").write_text('{"version": "1"}')
    assert not brings_packages(tmp_path)
    (tmp_path / "src/node_modules").symlink_to("/opt")
    assert brings_packages(tmp_path)


def test_lock_files_of_compiled_languages_are_read(tmp_path: Path) -> None:
    (tmp_path / "go.sum").write_text(
        "example.org/m v1.2.3 h1:x\nexample.org/m v1.2.3/go.mod h1:y\n"
    )
    (tmp_path / "Cargo.lock").write_text(
        '[[package]]\nname = "own"\nversion = "0.1.0"\n\n'
        '[[package]]\nname = "serde"\nversion = "1.0.0"\nsource = "registry+x"\n'
    )
    (tmp_path / "Gemfile.lock").write_text("GEM\n  specs:\n    rake (13.0.6)\n      dep (~> 1)\n")

    assert lock_components(Tree(tmp_path)) == [
        Component("cargo", "serde", "1.0.0"),
        Component("gem", "rake", "13.0.6"),
        Component("golang", "example.org/m", "v1.2.3"),
    ]


def test_lock_files_that_are_none_are_ignored(tmp_path: Path) -> None:
    for text in ("package = 1", "[[package]]\nname = 1", "\0", "[" * 1000):
        (tmp_path / "Cargo.lock").write_text(text)
        assert lock_components(Tree(tmp_path)) == []


def test_the_document_names_packages_as_package_urls_do() -> None:
    found = json.loads(
        sbom.document(
            "b",
            MADE,
            "MIT",
            [
                Component("deb", "libstdc++6", "12.2"),
                Component("npm", "@a/b", "1.0.0"),
                Component("pypi", "Foo_Bar", "2"),
                Component("golang", "example.org/m/v2", "v2.0.0"),
            ],
        )
    )

    assert (found["bomFormat"], found["specVersion"]) == ("CycloneDX", "1.6")
    assert [one["purl"] for one in found["components"]] == [
        "pkg:deb/debian/libstdc%2B%2B6@12.2",
        "pkg:npm/%40a/b@1.0.0",
        "pkg:pypi/foo-bar@2",
        "pkg:golang/example.org/m/v2@v2.0.0",
    ]
    assert found["metadata"]["component"]["licenses"] == [{"license": {"name": "MIT"}}]
