"""What must hold of everything that a receiver was sent: the proof that deliveries are what they promise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_RETRACTED: Final = "RETRACTED"


@dataclass(frozen=True, slots=True)
class Arrival:
    """An alert of a request with a good signature, in the order of arrival, whatever it was answered.

    `delivery_id` is the request's id; where that had several alerts, with the place of this one.
    """

    delivery_id: str
    channel: str
    alert_id: str
    version: int
    status: str
    answered: int = 200


@dataclass(frozen=True, slots=True)
class Published:
    """A version of an alert, for a channel: what a receiver is to be sent."""

    channel: str
    alert_id: str
    version: int
    status: str


def violations(arrivals: Iterable[Arrival]) -> list[str]:
    """What is wrong, a line each; nothing when all is well. A repeat, under its id, is not a fault."""
    found: list[str] = []
    by_id: dict[str, tuple[str, str, int]] = {}
    ids: dict[tuple[str, str, int], str] = {}
    versions: dict[tuple[str, str], list[int]] = {}
    told: dict[tuple[str, str], bool] = {}
    for each in arrivals:
        what, alert = (each.channel, each.alert_id, each.version), (each.channel, each.alert_id)
        if by_id.setdefault(each.delivery_id, what) != what:
            found.append(f"id {each.delivery_id} is used for {by_id[each.delivery_id]} and {what}")
        if ids.setdefault(what, each.delivery_id) != each.delivery_id:
            found.append(f"{what} came under ids {ids[what]} and {each.delivery_id}")
        seen = versions.setdefault(alert, [])
        if each.version in seen:
            continue
        if seen and each.version < max(seen):
            found.append(f"{alert}: version {each.version} came behind {max(seen)}")
        seen.append(each.version)
        retracts = each.status == _RETRACTED
        if retracts and not told.get(alert, False):
            found.append(f"{alert}: version {each.version} retracts what never came")
        told[alert] = told.get(alert, False) or not retracts
    return found


def left_standing(published: Iterable[Published], arrivals: Iterable[Arrival]) -> list[str]:
    """Retractions that never came behind something that they take back, a line each.

    Also where a later version came: meanwhile the receiver believed what did not hold any more. Call it once
    nothing is to come any more.
    """
    came: dict[tuple[str, str], dict[int, str]] = {}
    for arrival in arrivals:
        came.setdefault((arrival.channel, arrival.alert_id), {})[arrival.version] = arrival.status
    found: list[str] = []
    for each in published:
        versions = came.get((each.channel, each.alert_id), {})
        below = max((version for version in versions if version < each.version), default=None)
        if each.status != _RETRACTED or each.version in versions or below is None:
            continue
        if versions[below] != _RETRACTED:
            found.append(
                f"{(each.channel, each.alert_id)}: version {each.version}, which retracts {below}, never came"
            )
    return found


def missing(published: Iterable[Published], arrivals: Iterable[Arrival]) -> list[str]:
    """What should have been taken by now and was not, a line each: the latest version of each alert.

    A retraction need not come where the receiver knows of nothing that it takes back.
    """
    latest: dict[tuple[str, str], Published] = {}
    for each in published:
        alert = (each.channel, each.alert_id)
        if alert not in latest or each.version > latest[alert].version:
            latest[alert] = each
    taken: set[tuple[str, str, int]] = set()
    told: dict[tuple[str, str], Arrival] = {}
    for arrival in arrivals:
        alert = (arrival.channel, arrival.alert_id)
        if 200 <= arrival.answered < 300:
            taken.add((*alert, arrival.version))
        if alert not in told or arrival.version > told[alert].version:
            told[alert] = arrival
    found: list[str] = []
    for alert, last in latest.items():
        known = told.get(alert)
        if last.status == _RETRACTED and (known is None or known.status == _RETRACTED):
            due = None if known is None else known.version
        else:
            due = last.version
        if due is not None and (*alert, due) not in taken:
            found.append(f"{alert}: version {due}, {last.status}, was never taken")
    return found
