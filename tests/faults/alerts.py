"""What Alertmanager shows at a moment, and what is expected of it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_UNTOLD: Final = frozenset({"alertname", "namespace", "chain", "severity"})
"""Labels that tell none of our alerts from another of its name here."""


@dataclass(frozen=True, slots=True, order=True)
class Alert:
    """One that fires: its name, and the labels by which it differs from others of that name."""

    name: str
    labels: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, labels: Mapping[str, str]) -> Alert:
        """Out of all of its labels."""
        return cls(labels["alertname"], tuple(sorted((k, v) for k, v in labels.items() if k not in _UNTOLD)))

    def __str__(self) -> str:
        told = ", ".join(f"{name}={value}" for name, value in self.labels)
        return f"{self.name} ({told})" if told else self.name


@dataclass(frozen=True, slots=True)
class Expected:
    """An alert by name and by some of its labels."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)

    def matches(self, alert: Alert) -> bool:
        """Whether it is this one."""
        return alert.name == self.name and self.labels.items() <= dict(alert.labels).items()

    def fires(self, alerts: Collection[Alert]) -> bool:
        """Whether it is among these."""
        return any(map(self.matches, alerts))

    def __str__(self) -> str:
        return str(Alert(self.name, tuple(sorted(self.labels.items()))))


@dataclass(frozen=True, slots=True)
class Each:
    """Several that have to fire at once, for a fault of several parts."""

    expected: tuple[Expected, ...]

    def matches(self, alert: Alert) -> bool:
        """Whether it is one of them."""
        return any(each.matches(alert) for each in self.expected)

    def fires(self, alerts: Collection[Alert]) -> bool:
        """Whether all of them are among these."""
        return all(each.fires(alerts) for each in self.expected)

    def __str__(self) -> str:
        return ", ".join(map(str, self.expected))


@dataclass(frozen=True, slots=True)
class Sample:
    """What fired at a moment: seconds of a clock that never goes back."""

    at: float
    alerts: frozenset[Alert]


def firing(answer: list[dict[str, Any]]) -> frozenset[Alert]:
    """The alerts of an answer of Alertmanager's `GET /api/v2/alerts`."""
    return frozenset(Alert.of(each["labels"]) for each in answer)
