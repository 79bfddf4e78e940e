"""Patience with what is said in a row: a cause is believed by its looks and its seconds, both."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connectors.evm.pool.refusal import LOOKS, Patience

SECONDS = 10.0
SAID = st.lists(
    st.tuples(st.sampled_from(["pruned", "fork", ""]), st.sampled_from([0.0, 1.0, 4.0, 50.0])), max_size=30
)


@given(SAID)
def test_it_ends_when_one_cause_alone_was_said_often_and_long_enough(said: list[tuple[str, float]]) -> None:
    """ "" is a look at which something else came of it."""
    now = 0.0
    patience = Patience(lambda: now)
    row: list[tuple[str, float]] = []
    for cause, seconds in said:
        now += seconds
        if not cause:
            patience.ends()
            row = []
            continue
        row = [each for each in row if each[0] == cause] + [(cause, now)]
        expected = len(row) >= LOOKS and now - row[0][1] >= SECONDS
        assert patience.lasts(cause, SECONDS) == expected
        assert patience.seconds == now - row[0][1]
