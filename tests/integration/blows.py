"""Parts of an instance that are killed: which there are, at which moments, one or two at once."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

import psutil

from tests.integration.line import ROLES, Line, pause

PARTS: Final = (*ROLES, "kafka", "registry", "clickhouse")
_AT_ONCE: Final = 0.25
_FORKS: Final = 0.5
_RUNS_SECONDS: Final = 90.0
_STARTS_SECONDS: Final = 180.0


def drawn(kills: int, chance: random.Random) -> list[tuple[str, ...]]:
    """So many kills, now and then two at once. Of as many as there are parts, every part has its own."""
    order: list[str] = []
    while len(order) < kills:
        order += chance.sample(PARTS, len(PARTS))
    del order[kills:]
    blows: list[tuple[str, ...]] = []
    while order:
        pair = tuple(order[:2])
        size = 2 if len(set(pair)) == 2 and chance.random() < _AT_ONCE else 1
        blows.append(pair[:size])
        del order[:size]
    return blows


def disturb(
    line: Line, blows: Sequence[tuple[str, ...]], gap: tuple[float, float], chance: random.Random
) -> int:
    """One blow after another, `gap` seconds between them whatever works by then, and forks; the kills."""
    done = 0
    for number, parts in enumerate(blows, 1):
        pause(chance.uniform(*gap))
        if chance.random() < _FORKS:
            line.reorg(chance.randint(1, 5))
        done += strike(line, parts, f"blow {number} of {len(blows)}")
    return done


def strike(line: Line, parts: tuple[str, ...], name: str) -> int:
    """SIGKILL parts at once, when all of them run; how many."""
    line.wait_until(
        lambda: line.processes().keys() >= set(parts), f"{' and '.join(parts)} run", _RUNS_SECONDS
    )
    line.note(f"{name}: {' and '.join(parts)}")
    left = set(parts)
    while left:
        left -= _killed(line, left)
    return len(parts)


def start_under_kills(line: Line, kills: int, chance: random.Random, name: str, at_once: float = 1.0) -> int:
    """Start while parts that run are killed: topics, schemas and tables are being made. How many kills.

    `at_once`: how often two of them die together, 1 for always. Returns once all is ready and a block shown.
    """
    line.launch()
    done = 0
    while done < kills:
        line.wait_until(lambda: len(running(line)) > 1, "two parts run", 60)
        size = 2 if done + 1 < kills and chance.random() < at_once else 1
        parts = tuple(chance.sample(running(line), size))
        done += strike(line, parts, f"{name}, {done} of {kills}")
        pause(chance.uniform(0.2, 2))
    line.wait_until(lambda: line.visible() is not None, "the first block is visible", _STARTS_SECONDS)
    line.wait_ready()
    return done


def running(line: Line) -> list[str]:
    """The parts that run just now."""
    return sorted(set(PARTS) & line.processes().keys())


def _killed(line: Line, parts: set[str]) -> set[str]:
    """Those of the parts that were alive and are dead now."""
    found, dead = line.processes(), set()
    for part in parts & found.keys():
        try:
            found[part].kill()
        except psutil.NoSuchProcess:
            continue  # it ended by itself: what takes its place is killed
        dead.add(part)
    return dead
