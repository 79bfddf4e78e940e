"""What is done to a part is undone, in reverse, whatever happens meanwhile."""

from __future__ import annotations

import signal
import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest

from headwater.errors import Fatal
from tests.faults.blows import (
    Applied,
    Beside,
    Blow,
    CutOff,
    Deployed,
    Filled,
    Halted,
    Paused,
    Restarted,
    Spoiled,
    Together,
)
from tests.faults.site import Site

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


def test_a_second_process_is_started_again_until_it_is_undone() -> None:
    begun: list[tuple[tuple[str, ...], str]] = []
    thrice = threading.Event()

    class Process:
        def __init__(self) -> None:
            self.killed = False

        def poll(self) -> int | None:
            # The third one runs until it is killed.
            return 1 if len(begun) < 3 else None

        def kill(self) -> None:
            self.killed = True

        def wait(self) -> None:
            assert self.killed

    class Line:
        def replacement(self, *words: str, **variables: str) -> Process:
            begun.append((words, variables["HEADWATER_CLIENT_ID"]))
            if len(begun) == 3:
                thrice.set()
            return Process()

    with Beside(("listen",)).on(cast("Site", SimpleNamespace(line=Line()))):
        assert thrice.wait(20)
    assert begun == [(("listen",), "headwater-elsewhere-1")] * 3


def test_a_rule_that_is_refused_is_told() -> None:
    said: list[tuple[str, ...]] = []

    def command(*words: str) -> SimpleNamespace:
        said.append(words)
        return SimpleNamespace(returncode=int(len(said) == 3), stdout="no ", stderr="such rule")

    site = cast("Site", SimpleNamespace(line=SimpleNamespace(command=command)))
    with Applied("unknown-channel").on(site):
        pass
    assert [words[1] for words in said] == ["apply", "remove"]
    assert said[0][2].endswith("tests/faults/applied/unknown-channel.yaml")
    assert said[1][2] == "unknown-channel"
    with pytest.raises(Fatal, match="rules apply: no such rule"), Applied("unknown-channel").on(site):
        pass
