"""Where reading begins: what ClickHouse lacks is read, what Kafka lacks is a gap."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.clickhouse.sink.messages import Partition
from connectors.clickhouse.sink.placement.start import Gap, Kept, start

LOGS = Partition("logs", 0)


@pytest.mark.parametrize(
    ("kept", "stored", "offset", "gap"),
    [
        (Kept(None, 0), None, 0, None),
        (Kept(None, 0), 40, 0, None),
        (Kept(None, 30), 40, 30, None),
        (Kept(None, 50), 40, 50, Gap(LOGS, 40, 50)),
        (Kept(None, 50), None, 50, Gap(LOGS, 0, 50)),
        # Held blocks are read again.
        (Kept(25, 10), 40, 25, None),
        # ClickHouse was made anew, or progress was not told in time.
        (Kept(45, 10), None, 10, Gap(LOGS, 0, 10)),
        (Kept(45, 10), 40, 40, None),
        # Retention took what this group was about to read.
        (Kept(25, 30), 40, 30, None),
        (Kept(25, 60), 40, 60, Gap(LOGS, 40, 60)),
    ],
)
def test_start(kept: Kept, stored: int | None, offset: int, gap: Gap | None) -> None:
    found = start(LOGS, kept, stored)
    assert (found.offset, found.gap) == (offset, gap)


@given(st.none() | st.integers(0, 9), st.integers(0, 9), st.none() | st.integers(0, 9))
def test_every_offset_below_the_start_is_stored_or_in_the_gap(
    committed: int | None, log_start: int, stored: int | None
) -> None:
    found = start(LOGS, Kept(committed, log_start), stored)
    assert found.offset >= log_start
    for offset in range(found.offset):
        missing = found.gap is not None and found.gap.meets(offset, offset + 1)
        assert missing == (offset >= (stored or 0))
