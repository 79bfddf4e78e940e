"""Since when the first has waited, whatever came, went and was asked for again."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from connectors.delivery.queue.delivery import State
from connectors.delivery.queue.oldest import Open
from tests.builders.deliveries import pending

NOTES = st.lists(st.tuples(st.integers(1, 4), st.sampled_from(State), st.integers(0, 20)), max_size=30)


@given(NOTES)
def test_it_is_the_smallest_time_of_those_that_are_open(notes: list[tuple[int, State, int]]) -> None:
    subject, known = Open(), {}
    for number, state, queued in notes:
        delivery = replace(pending(number, number), state=state, queued_at=queued)
        subject.note(delivery)
        known[number] = delivery
        still = [each.queued_at for each in known.values() if each.is_open]
        assert (subject.oldest(), len(subject)) == (min(still, default=None), len(still))
