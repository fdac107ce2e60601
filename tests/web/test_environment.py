"""What a program finds in its environment."""

from shared.sandbox_flags import LINE_BUFFERED
from tests import factories
from web import environment


def test_programs_of_our_images_print_line_by_line() -> None:
    assert environment.of_run(factories.plan(), {"A": "1"}) == LINE_BUFFERED | {"A": "1"}


def test_the_plan_goes_before_and_the_run_before_all() -> None:
    plan = factories.plan().model_copy(update={"env": {"LD_PRELOAD": "own.so", "B": "plan"}})
    found = environment.of_run(plan, {"_STDBUF_O": "0", "B": "run"})
    assert found == {"LD_PRELOAD": "own.so", "_STDBUF_O": "0", "B": "run"}


def test_an_image_that_is_not_known_to_be_ours_gets_nothing_of_ours() -> None:
    assert environment.of_run(None, {"A": "1"}) == {"A": "1"}
    foreign = factories.plan().model_copy(update={"base": ""})
    assert environment.of_run(foreign, {}) == {}
