"""What is noted of web's load never costs an answer."""

from pathlib import Path

from web.web_load import Notes


def test_a_disk_that_takes_nothing_costs_no_answer(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")

    Notes(tmp_path / "data", every=0.0).note(0.1)
