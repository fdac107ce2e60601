"""Slots are never taken twice, and always come back."""

import threading
from collections.abc import Callable

import pytest

from shared.slots import NoFreeSlot, Slots


def test_slots_are_counted() -> None:
    slots = Slots(2)
    slots.take()
    slots.take()
    with pytest.raises(NoFreeSlot):
        slots.take()
    slots.take(beyond=True)
    assert slots.free() == 0
    slots.give_back()
    assert slots.free() == 0
    slots.give_back()
    assert slots.free() == 1


def test_a_slot_is_free_again_when_its_work_has_ended() -> None:
    freed = threading.Event()
    slots = Slots(1, changed=freed.set)
    done = threading.Event()
    slots.take()
    slots.begin(done.wait, "work")
    with pytest.raises(NoFreeSlot):
        slots.take()
    assert not slots.wait_empty(0.05)
    done.set()
    assert slots.wait_empty(5)
    assert freed.wait(5)


def test_a_slot_whose_work_fails_is_free_again() -> None:
    slots = Slots(1)
    slots.take()

    def fail() -> None:
        raise RuntimeError("broken")

    slots.begin(fail, "work")
    assert slots.wait_empty(5)


def test_work_may_leave_its_slot_before_it_ends_but_only_so_much_at_once() -> None:
    slots, done = Slots(1, trailing=1), threading.Event()
    left = [threading.Event(), threading.Event()]

    def work(leave: Callable[[], None], n: int) -> None:
        leave()
        leave()
        left[n].set()
        done.wait()

    slots.take()
    slots.begin_leaving(lambda leave: work(leave, 0), "first")
    assert left[0].wait(5)
    assert slots.free() == 1
    slots.take()
    slots.begin_leaving(lambda leave: work(leave, 1), "second")
    assert left[1].wait(5)
    assert slots.free() == 0
    assert not slots.wait_empty(0.05)
    done.set()
    assert slots.wait_empty(5)
    assert slots.free() == 1
