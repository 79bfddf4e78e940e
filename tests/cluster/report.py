"""What a run took, step by step, beside the run before it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Entry:
    """A step that was done: its seconds, and what was seen."""

    step: str
    seconds: float
    seen: str


class Report:
    """Entries, as they are made, in a file: it is there whatever happens then."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def entries(self) -> list[Entry]:
        """All so far; none before the first."""
        try:
            return [Entry(**each) for each in json.loads(self._path.read_text())]
        except FileNotFoundError:
            return []

    def write(self, entries: list[Entry]) -> None:
        """Replace them all."""
        self._path.write_text(json.dumps([asdict(each) for each in entries], indent=2))

    def timed(self, step: str, work: Callable[[], str]) -> None:
        """Do a step and say so; `work` says what it saw."""
        print(f"{step} …", flush=True)
        began = time.monotonic()
        seen = work()
        made = Entry(step, time.monotonic() - began, seen)
        self.write([*self.entries(), made])
        print(f"{step}: {made.seconds:.1f} s, {seen}", flush=True)


def table(entries: list[Entry], before: Mapping[str, float]) -> str:
    """One line for each step; `before` has the seconds of the run before, by step."""
    rows = [(each.step, each.seconds, before.get(each.step), each.seen) for each in entries]
    known = [seconds for _, _, seconds, _ in rows if seconds is not None]
    rows.append(("all", sum(each.seconds for each in entries), sum(known) if known else None, ""))
    width = max(len(step) for step, *_ in rows)
    head = f"{'':{width}} {'this run':>10} {'before':>10}"
    lines = [
        f"{step:{width}} {seconds:8.1f} s {'' if was is None else f'{was:8.1f} s':>10}  {seen}".rstrip()
        for step, seconds, was, seen in rows
    ]
    return "\n".join([head, *lines])
