"""What a dashboard consists of, as far as Headwater's go. Grafana's own form of it is `grafana`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

COLUMNS = 24
"""Grafana's grid."""


class PanelType(Enum):
    """Grafana's panel types that are used."""

    LINES = "timeseries"
    NUMBER = "stat"


class Unit(Enum):
    """Grafana's names of units."""

    NUMBER = "short"
    SECONDS = "s"
    PER_SECOND = "ops"
    BYTES = "bytes"
    SHARE = "percentunit"


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL expression and how its series are called, `{{label}}` standing for a label's value."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. `meaning` is shown where the pointer rests on its title: what to see, and what it means.

    `sparse`: without a fault, or without use of a part, there is nothing to be seen.
    """

    title: str
    meaning: str
    unit: Unit
    queries: tuple[Query, ...]
    type: PanelType = PanelType.LINES
    width: int = 8
    height: int = 8
    sparse: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under one heading, in reading order."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """`name` is the end of its file's name, and of its identity in Grafana: never change it."""

    name: str
    title: str
    meaning: str
    rows: tuple[Row, ...]
