"""From samples of Alertmanager to what came of a fault: when its alert fired and was gone, what else did."""

from __future__ import annotations

import pytest

from tests.faults.alerts import Alert, Each, Expected, Sample, firing
from tests.faults.course import Patience, Seen, follow

SINK = Alert("HeadwaterRoleGone", (("role", "sink"),))
STATE = Alert("HeadwaterRoleGone", (("role", "state"),))
LATE = Alert("HeadwaterBlocksLate")
EXPECTED = Expected("HeadwaterRoleGone", {"role": "sink"})
PATIENCE = Patience(fire=20, clear=30, silent=3)


class Watched:
    """A look a second; `fires` are the alerts by the second from which, and up to which, they fire.

    Seconds are counted from when the fault began, those of `after` from its mend.
    """

    def __init__(
        self,
        during: dict[Alert, tuple[float, float]],
        after: dict[Alert, tuple[float, float]] | None = None,
        before: dict[Alert, tuple[float, float]] | None = None,
    ) -> None:
        self._parts = [before or {}, during, after or {}]
        self._began = [0.0]
        self.now = 0.0

    def look(self) -> Sample:
        self.now += 1.0
        part, since = len(self._began) - 1, self.now - self._began[-1]
        fires = {alert for alert, (first, last) in self._parts[part].items() if first <= since <= last}
        return Sample(self.now, frozenset(fires))

    def step(self) -> None:
        self._began.append(self.now)

    def follow(self, expected: Expected | Each = EXPECTED) -> Seen:
        seen = follow(expected, self.look, self.step, self.step, PATIENCE)
        assert len(self._began) in (1, 3), "what was begun was mended"
        return seen


ALWAYS = (0.0, 1e9)


def test_an_alert_that_fires_and_clears_has_its_times() -> None:
    # The first look after the fault, and after the mend, is second 0 of each.
    seen = Watched({SINK: (9, 1e9)}, {SINK: (0, 5)}).follow()
    assert seen == Seen(fires=8, clears=5)
    assert seen.passed


def test_of_several_the_last_one_counts() -> None:
    both = Each((EXPECTED, Expected("HeadwaterRoleGone", {"role": "state"})))
    seen = Watched({SINK: (4, 1e9), STATE: (9, 1e9)}, {SINK: (0, 2), STATE: (0, 6)}).follow(both)
    assert seen == Seen(fires=8, clears=6)
    assert Watched({SINK: (4, 1e9)}, {SINK: (0, 2)}).follow(both).fires is None


def test_what_fires_beside_is_told_and_does_no_harm_once_it_is_gone() -> None:
    seen = Watched({SINK: (4, 1e9), STATE: (2, 3)}, {SINK: (0, 2), LATE: (3, 12)}).follow()
    assert seen == Seen(fires=3, clears=2, beside=frozenset({STATE, LATE}))
    assert seen.passed


def test_another_label_is_another_alert() -> None:
    seen = Watched({STATE: ALWAYS}).follow()
    assert seen == Seen(beside=frozenset({STATE}))
    assert not seen.passed


def test_one_that_never_fires_ends_in_time() -> None:
    watched = Watched({})
    assert watched.follow() == Seen()
    assert watched.now < 40


def test_one_that_stays_did_not_clear() -> None:
    watched = Watched({SINK: (2, 1e9)}, {SINK: ALWAYS})
    seen = watched.follow()
    assert seen == Seen(fires=1)
    assert not seen.passed
    assert watched.now < 60


def test_another_one_that_stays_is_a_failure() -> None:
    seen = Watched({SINK: (2, 1e9)}, {SINK: (0, 3), LATE: ALWAYS}).follow()
    assert (seen.fires, seen.clears, seen.stays) == (1, 3, frozenset({LATE}))
    assert seen.beside == frozenset()
    assert not seen.passed


def test_one_that_comes_back_clears_when_it_is_gone_for_good() -> None:
    class Twice(Watched):
        def look(self) -> Sample:
            sample = super().look()
            back = len(self._began) == 3 and 3 <= sample.at - self._began[-1] <= 4
            return Sample(sample.at, sample.alerts | {SINK}) if back else sample

    assert Twice({SINK: (2, 1e9)}, {SINK: (0, 1)}).follow() == Seen(fires=1, clears=4)


def test_what_fires_before_is_waited_for() -> None:
    seen = Watched({SINK: (2, 1e9)}, {SINK: (0, 1)}, {LATE: (0, 10)}).follow()
    assert seen.fires == 1
    assert LATE in seen.beside


def test_nothing_is_begun_under_an_alert_that_stays() -> None:
    seen = Watched({}, before={LATE: ALWAYS}).follow()
    assert seen == Seen(before=frozenset({LATE}))
    assert not seen.passed


def test_what_fails_meanwhile_is_mended_all_the_same() -> None:
    mended = []

    def begin() -> None:
        raise OSError("the part is not there")

    with pytest.raises(OSError, match="not there"):
        follow(EXPECTED, Watched({}).look, begin, lambda: mended.append(True), PATIENCE)
    assert mended == [True]


def test_alerts_are_told_apart_by_the_labels_that_tell_them_apart() -> None:
    common = {"namespace": "headwater", "chain": "local", "severity": "critical"}
    answer = [
        {"labels": {"alertname": "HeadwaterRoleGone", "role": "sink", **common}, "status": {}},
        {"labels": {"alertname": "HeadwaterHeadStalled", "tag": "head", **common}},
    ]
    assert sorted(map(str, firing(answer))) == [
        "HeadwaterHeadStalled (tag=head)",
        "HeadwaterRoleGone (role=sink)",
    ]
    assert EXPECTED.matches(SINK)
    assert not EXPECTED.matches(STATE)
    assert Expected("HeadwaterRoleGone").matches(STATE)
