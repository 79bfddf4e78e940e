"""What is done to a part is undone, in reverse, whatever happens meanwhile."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from tests.faults.blows import Blow, CutOff, Deployed, Filled, Halted, Paused, Restarted, Spoiled, Together

LIES = {"kind": "wrong_receipts"}


class Recorded:
    """In place of a site and all that it has: every call, by name."""

    def __init__(self, name: str = "", told: list[tuple[Any, ...]] | None = None) -> None:
        self._name = name
        self.told: list[tuple[Any, ...]] = [] if told is None else told

    def __getattr__(self, name: str) -> Recorded:
        return Recorded(f"{self._name}.{name}".lstrip("."), self.told)

    def __call__(self, *words: object) -> None:
        self.told.append((self._name, *words))


@pytest.mark.parametrize(
    ("blow", "done", "undone"),
    [
        (
            Paused("sink"),
            [("signal", "sink", signal.SIGSTOP)],
            [("line.signal", "sink", signal.SIGCONT)],
        ),
        (Restarted("sink"), [("signal", "sink", signal.SIGKILL)], []),
        (Deployed({"A": "b"}), [("deploy", {"A": "b"})], []),
        (CutOff((0, 2)), [("nodes.cut_off", (0, 2))], [("nodes.serve", (0, 2))]),
        (
            Spoiled(LIES, (1,), hurries=9),
            [("nodes.spoil", (1,), [LIES]), ("nodes.hurry", 9)],
            [("nodes.spoil", (1,), [])],
        ),
        (
            Spoiled(LIES, in_use=True),
            [("nodes.in_use",), ("nodes.spoil", (None,), [LIES]), ("nodes.hurry", 0)],
            [("nodes.spoil", (None,), [])],
        ),
        (Halted(), [("nodes.halt",)], [("nodes.go_on",)]),
        (Filled(), [("disk.fill",)], [("disk.empty",)]),
        (
            Together((Halted(), Filled())),
            [("nodes.halt",), ("disk.fill",)],
            [("disk.empty",), ("nodes.go_on",)],
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_done_is_undone(
    blow: Blow, done: list[tuple[object, ...]], undone: list[tuple[object, ...]]
) -> None:
    site = Recorded()

    def meanwhile() -> None:
        with blow.on(site):
            assert site.told == done
            raise OSError("meanwhile")

    with pytest.raises(OSError, match="meanwhile"):
        meanwhile()
    assert site.told == done + undone
