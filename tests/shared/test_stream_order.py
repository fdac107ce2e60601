"""How two streams took turns: neighbours joined, and bounded."""

import random

from shared.stream_order import MOST_TURNS, STREAMS, StreamOrder, spans


def test_neighbours_of_one_stream_are_one_turn() -> None:
    order = StreamOrder()
    for stream, size in ((0, 3), (0, 4), (1, 1), (1, 0), (0, 0), (1, 2), (0, 5)):
        order.add(STREAMS[stream], size)
    assert order.turns() == [7, 3, 5]


def test_the_first_turn_is_of_stdout_even_if_stderr_came_first() -> None:
    order = StreamOrder()
    order.add("stderr", 2)
    order.add("stdout", 1)
    assert order.turns() == [0, 2, 1]


def test_above_the_bound_the_rest_is_one_turn_each_and_no_byte_is_lost() -> None:
    order = StreamOrder(most=6)
    for n in range(100):
        order.add(STREAMS[n % 2], 1)
    assert order.turns() == [1, 1, 1, 1, 48, 48]


def test_a_program_that_alternates_for_ever_costs_little() -> None:
    order = StreamOrder()
    for n in range(3 * MOST_TURNS):
        order.add(STREAMS[n % 2], 1)
    assert len(order.turns()) == MOST_TURNS
    assert sum(order.turns()) == 3 * MOST_TURNS


def test_turns_add_up_to_both_streams_whatever_comes() -> None:
    dice = random.Random(5)
    for most in (2, 4, 50):
        order, sizes = StreamOrder(most), {stream: 0 for stream in STREAMS}
        for _ in range(dice.randrange(100)):
            stream, size = dice.choice(STREAMS), dice.randrange(5)
            order.add(stream, size)
            sizes[stream] += size
        ends = {stream: 0 for stream in STREAMS} | dict(spans(order.turns()))
        assert ends == sizes == {stream: order.size(stream) for stream in STREAMS}
        assert len(order.turns()) <= most
