"""How long the first unfinished message has waited: never with nothing unread, never longer than it did."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from headwater.lateness import Lateness, ReportedLag

NOW = 1_000_000


def test_nothing_waits_where_everything_is_finished() -> None:
    late = Lateness()
    late.received(0, NOW - 60_000)
    assert late.seconds(NOW, 1, 1) == 0.0
    # An hour later a message comes: it has waited since then, not since the last one.
    assert late.seconds(NOW + 3_600_000, 1, 2) == 0.0
    assert late.seconds(NOW + 3_605_000, 1, 2) == 5.0


def test_a_process_that_has_just_begun_knows_the_brokers_time_of_what_it_reads() -> None:
    late = Lateness()
    late.received(100, NOW - 900_000)
    assert late.seconds(NOW, 100, 5_000) == 900.0
    late.received(200, NOW - 800_000)
    assert late.seconds(NOW + 1_000, 200, 5_000) == 801.0


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=700))
def test_it_is_right_to_a_report_for_a_reader_that_was_there_from_the_beginning(
    steps: list[tuple[int, int]],
) -> None:
    late = Lateness()
    now, position = NOW, 0
    written: list[int] = []
    for new, finished in steps:
        now += 1_000
        written += [now] * new
        position = min(len(written), position + finished)
        reported = late.seconds(now, position, len(written))
        true = (now - written[position]) / 1000 if position < len(written) else 0.0
        assert reported == true or (len(steps) > 500 and 0 <= reported <= true)


def test_the_gauges_go_with_the_partition() -> None:
    lag = ReportedLag("gauges", "g")

    def shown(name: str) -> float | None:
        labels = {"chain": "gauges", "group": "g", "topic": "t", "partition": "0"}
        return REGISTRY.get_sample_value(f"headwater_consumer_lag{name}", labels)

    lag.received("t", 0, 7, NOW - 3_000)
    lag.received("t", 1, 0, NOW)
    lag.report(NOW, "t", 0, 7, 9)
    assert (shown(""), shown("_seconds")) == (2.0, 3.0)
    lag.keep_only({("t", 0)})
    assert shown("_seconds") == 3.0
    lag.keep_only(set())
    assert (shown(""), shown("_seconds")) == (None, None)
