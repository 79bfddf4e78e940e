"""What must hold of everything that a receiver was sent: the proof that deliveries are what they promise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


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


def violations(arrivals: Iterable[Arrival]) -> list[str]:
    """What is wrong, a line each; nothing when all is well. A repeat, under its id, is no fault."""
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
        retracts = each.status == "RETRACTED"
        if retracts and not told.get(alert, False):
            found.append(f"{alert}: version {each.version} retracts what never came")
        told[alert] = told.get(alert, False) or not retracts
    return found
