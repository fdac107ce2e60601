"""The hash that names a kept step: other trees, other hashes."""

from pathlib import Path

from builder_service.kept import digest, tree_digest


def made(folder: Path, links: dict[str, str], files: dict[str, str]) -> Path:
    folder.mkdir()
    for name, target in links.items():
        (folder / name).symlink_to(target)
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def test_a_links_target_cannot_run_on_into_the_next_name(tmp_path: Path) -> None:
    one = made(tmp_path / "one", {"a": "x"}, {"bc": "same"})
    other = made(tmp_path / "other", {"a": "xb"}, {"c": "same"})

    assert tree_digest(one) != tree_digest(other)


def test_modes_and_missing_files_count_and_times_do_not(tmp_path: Path) -> None:
    folder = made(tmp_path / "one", {}, {"tool": "x"})
    plain, both = tree_digest(folder), digest(folder, ["tool", "missing"])
    (folder / "tool").touch()
    assert tree_digest(folder) == plain != both
    (folder / "tool").chmod(0o755)
    assert tree_digest(folder) != plain
