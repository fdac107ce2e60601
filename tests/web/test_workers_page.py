"""The administrators' page of worker groups: charts of what the scaler saw, honest where it saw nothing."""

import pytest
from flask import Flask
from sqlalchemy import select

from shared.db import now_ms
from shared.schema.scaling import ScalingSample
from tests.web.conftest import Made, Person
from web import charts
from web.charts import nice_top, path


def sample(at: int, **figures: object) -> ScalingSample:
    values: dict[str, object] = {
        "group_name": "runner",
        "desired": 2,
        "running": 1,
        "busy": 1,
        "queued": 3,
        "active": 1,
        "asked": 1.5,
        "seconds": 4.0,
        "note": "",
    }
    return ScalingSample(at=at, **{**values, **figures})


def keep(session: object, ages: list[int], **figures: object) -> None:
    now = int(session.execute(select(now_ms())).scalar_one())  # type: ignore[attr-defined]
    for age in ages:
        session.add(sample(now - age * 1000, **figures))  # type: ignore[attr-defined]


def test_charts_show_what_was_wanted_there_and_busy(
    app: Flask, administrator: Person, made: Made
) -> None:
    made(keep, [600, 300, 20], note="5 machines failed to start.")

    page = administrator.get("/workers").text

    assert "Do we have enough runners?" in page
    assert "busy 1, running 1, desired 2" in page.replace(" now", "")
    assert "5 machines failed to start." in page
    assert page.count('class="line want"') == 1
    assert "Fixed in number" in page, "builders are not scaled"


def test_where_nothing_is_scaled_the_page_says_how_to(app: Flask, administrator: Person) -> None:
    page = administrator.get("/workers").text

    assert "Nothing is scaled here" in page
    assert "TOOLYARD_RUNNERS=1..4" in page
    assert "<svg viewBox" not in page


def test_a_scaler_that_has_stopped_is_told(app: Flask, administrator: Person, made: Made) -> None:
    made(keep, [1000])

    page = administrator.get("/workers?span=1h").text

    assert "Nobody has looked at this group since" in page
    assert "Do we have enough runners?" not in administrator.get("/workers?span=15m").text


def test_a_span_that_is_none_is_an_hour(app: Flask, administrator: Person) -> None:
    assert 'aria-current="true">1h<' in administrator.get("/workers?span=%27").text


def test_it_is_for_administrators(app: Flask, owner: Person) -> None:
    assert owner.get("/workers").status_code == 404
    assert "/workers" not in owner.get("/tools").text


def test_steps_hold_their_value_to_the_end() -> None:
    assert path([(0, 0), (5, 2), (8, 2)], 2, start=0, end=10) == "M0.0 100.0H500.0V0.0H1000.0"
    assert path([(5, 1)], 2, start=0, end=10, filled=True) == "M500.0 100V50.0H1000.0V100Z"
    assert path([], 1, start=0, end=10) == ""


@pytest.mark.parametrize(("most", "top"), [(0, 1), (1, 1), (3, 5), (6, 10), (11, 20), (900, 1000)])
def test_the_scale_ends_at_a_round_number(most: float, top: float) -> None:
    assert nice_top(most) == top
    assert charts.plot("", [("", "line", [(0, most)])], start=0, end=1).top == top
