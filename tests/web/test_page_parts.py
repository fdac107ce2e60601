"""READMEs, previews, filters and words: what pages show of things that strangers wrote."""

from typing import cast

import pytest

from runner_service import verdict
from shared.containers import Exit
from shared.plan import Network
from shared.schema.runs import JobEvent
from shared.work import Limits
from web.queue_position import Place
from web.views import phases, previews, readme, run_filters, shown
from web.views.context import safe_target


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "![x](https://tracker.example/p.png)",
        "[x](javascript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        '<a href="/sign-out">x</a><a href="javascript:alert(1)">y</a><a href=" data:x">z</a>',
        "<iframe src=https://evil.example></iframe>",
        "<style>*{display:none}</style>",
        '<div hx-get="/account" hx-trigger="load">x</div>',
        '<p data-fill="x" id="main" class="frame" style="position:fixed">x</p>',
        "<form action=https://evil.example><input name=password></form>",
        "<svg><use href=x></svg><math></math>",
    ],
)
def test_a_readme_cannot_act(hostile: str) -> None:
    html = str(readme.html(hostile)).lower()
    for bad in (
        *("<script", "<img", "onerror", 'href="j', 'href="d', 'href="/', "<iframe", "<style"),
        *("hx-", "data-fill", "id=", "class=", "style=", "<form", "<input", "<svg", "tracker"),
    ):
        assert bad not in html, html


def test_a_readme_keeps_what_it_says() -> None:
    html = readme.html(
        "# Name\n\nSome **text** with `code` and a [link](https://x.example).\n\n|a|b|\n|-|-|\n|1|2|"
    )
    assert "<h3>Name</h3>" in html and "<strong>text</strong>" in html and "<td>1</td>" in html
    assert 'href="https://x.example"' in html and "nofollow" in html


def test_restructured_text_stays_as_it_is() -> None:
    assert readme.html("Title\n=====\n\n.. image:: x.png\n\n<b>") == (
        "<pre>Title\n=====\n\n.. image:: x.png\n\n&lt;b&gt;</pre>"
    )


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n....", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8", "image/webp"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", None),
        (b"%PDF-1.7", None),
        (b"<html>", None),
    ],
)
def test_images_are_known_by_their_bytes_alone(head: bytes, kind: str | None) -> None:
    assert previews.image_type(head) == kind


def test_a_csv_becomes_a_bounded_table() -> None:
    data = b'a,b\n"x, y",2\n' + b"1,2\n" * 5000
    found = previews.of("t.csv", data, len(data))
    assert found.kind == "table" and found.rows[:2] == (("a", "b"), ("x, y", "2"))
    assert len(found.rows) == 1 + previews.ROWS and "first 200 rows." in found.note


def test_a_wide_or_broken_csv_stays_bounded_or_text() -> None:
    wide = (",".join(["c" * 1000] * 500) + "\n").encode() * 3
    found = previews.of("t.csv", wide[: previews.TABLE_BYTES], len(wide))
    assert found.kind in ("table", "text")
    assert all(len(row) <= previews.COLUMNS for row in found.rows)
    assert found.kind == "text" or "40 columns" in found.note
    assert previews.of("t.csv", b"only one column\nx\n", 18).kind == "text"


def test_text_is_cut_at_a_whole_character_and_says_so() -> None:
    data = ("ü" * 40_000).encode()[: previews.HEAD_BYTES + 1]
    found = previews.of("notes", data[: previews.HEAD_BYTES - 1], 80_000)
    assert found.kind == "text" and "\ufffd" not in found.text and found.note


def test_binary_is_not_shown() -> None:
    assert previews.of("x.txt", b"\0\1\2", 3).kind == "none"
    assert (
        previews.of("x.txt", bytes(range(128, 256)) * 9 + bytes(range(1, 9)) * 99, 2000).kind
        == "none"
    )
    assert previews.of("empty.txt", b"", 0).note == "The file is empty."


def test_the_filter_field_is_read() -> None:
    found = run_filters.parse("tool:cowsay state:failed,timed_out since:7d hello there")
    assert found.tool == "cowsay" and found.states == {"failed", "timed_out"}
    assert found.since_seconds == 7 * 86_400 and found.words == ("hello", "there")
    assert not found.problems


def test_what_the_filter_field_does_not_know_becomes_a_sentence() -> None:
    found = run_filters.parse("state:bogus since:soon http://x.example")
    assert len(found.problems) == 2 and found.words == ("http://x.example",)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("/add?link=https://x.example/a", "/add?link=https://x.example/a"),
        ("//evil.example", "/tools"),
        ("/\\evil.example", "/tools"),
        ("https://evil.example", "/tools"),
        ("javascript:alert(1)", "/tools"),
        ("", "/tools"),
        ("/a\nb", "/tools"),
    ],
)
def test_signing_in_leads_to_our_own_pages_only(given: str, wanted: str) -> None:
    assert safe_target(given) == wanted


def _event(seq: int, phase: str, at: int, *, terminal: bool = False) -> JobEvent:
    return JobEvent(job_id="j", seq=seq, phase=phase, detail="", terminal=terminal, fence=1, at=at)


def test_phases_carry_their_seconds_and_what_is_to_come() -> None:
    events = [_event(1, "queued", 0), _event(2, "leased", 90), _event(3, "staging", 100)]
    found = phases.line([*events, _event(4, "running", 300)], phases.RUN_STEPS, "running")
    assert [(step.word, step.look) for step in found] == [
        ("Queued", "past"),
        ("Inputs staged", "past"),
        ("Running", "now"),
        ("Outputs kept", "next"),
    ]
    assert found[1].seconds == 0.2 and found[2].since == 300


def test_an_ended_run_has_no_living_phase() -> None:
    events = [_event(1, "queued", 0), _event(2, "running", 100)]
    events.append(_event(3, "failed", 1100, terminal=True))
    found = phases.line(events, phases.RUN_STEPS, "failed")
    assert [step.look for step in found] == ["past", "past", "bad"]
    assert found[1].seconds == 1.0


def test_a_job_that_was_tried_very_often_stays_readable() -> None:
    events = [_event(n, "building" if n % 2 else "smoking", n) for n in range(1, 300)]
    assert len(phases.line(events, phases.BUILD_STEPS, "building")) < 60


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (Place(1, None), "Next in line. It starts as soon as a worker is free."),
        (Place(3, 40.0), "Number 3 in line. It should start in about 40 s."),
        (Place(9, 400.0), "Number 9 in line. It should start in about 7 min."),
    ],
)
def test_the_queue_is_told_in_words(place: Place, words: str) -> None:
    assert phases.queue_sentence("queued", place) == words


@pytest.mark.parametrize(
    ("ended", "stopped", "words"),
    [
        (
            Exit(0, False, 1.0),
            "timed_out",
            "at its time limit of 10 min. Run it again with up to 1 h.",
        ),
        (Exit(137, True, 1.0), None, "It was ended when its 1 GiB of memory was full."),
        (Exit(1, True, 1.0), None, "A process of it was ended when its 1 GiB of memory was full."),
        (Exit(139, False, 1.0), None, "by SIGSEGV, signal 11: the program itself crashed."),
        (Exit(143, False, 1.0), None, "It was ended by SIGTERM, signal 15."),
        (Exit(3, False, 1.0), None, "The tool ended with exit code 3; 0 would mean"),
    ],
)
def test_an_end_is_told_from_what_workers_report(
    ended: Exit, stopped: verdict.Stopped | None, words: str
) -> None:
    judged = verdict.judge(ended, stopped, Limits(), Network(), b"")
    told = shown.outcome(cast(shown.RunEnd, judged), Limits(), 3600)
    assert words in told


def test_a_reason_that_knows_more_is_told_as_a_sentence() -> None:
    judged = verdict.judge(
        Exit(1, False, 1.0), None, Limits(), Network(), b"No space left on device"
    )
    told = shown.outcome(cast(shown.RunEnd, judged), Limits(), 600)
    assert told == judged.reason
    assert shown.whole(told).startswith("Its working folder") and shown.whole(told)[-1] == "."
    assert shown.whole("`x.py` needs it") == "`x.py` needs it."
    assert shown.whole("setup.py is missing.") == "setup.py is missing."


def test_a_command_line_is_cut_in_its_middle() -> None:
    assert shown.middle("tool --one 1 --two 2 last-word").endswith(
        '<span class="tail">two 2 last-word</span></span>'
    )
    assert shown.middle("wc -l") == '<span class="middle"><span class="head">wc -l</span></span>'


def test_words_for_sizes_and_times() -> None:
    assert [shown.size(n) for n in (0, 999, 4100, 999_600, 25_000_000)] == [
        *("0 B", "999 B", "4.1 kB", "1.0 MB", "25 MB"),
    ]
    assert [shown.duration(n) for n in (0.42, 59, 187, 3723)] == [
        "0.4 s",
        "59 s",
        "3:07",
        "1:02:03",
    ]
    assert shown.relative(0, 12 * 60_000) == "12 min ago"
    assert shown.relative(3 * 86_400_000 - 60_000, 0) == "in 3 days"
    assert shown.sentence("needs `a<b`") == "needs <code>a&lt;b</code>"
