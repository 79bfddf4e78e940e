"""What goes out as one request: one version of an alert, or of several alerts of one rule and group."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import orjson

from connectors.delivery.queue.delivery import Delivery


@dataclass(frozen=True, slots=True)
class Notification:
    """`deliveries` are of different alerts, in the order of their versions.

    `grouped`: of a channel that groups, whose requests have lists of alerts.
    """

    deliveries: tuple[Delivery, ...]
    grouped: bool = False

    @property
    def id(self) -> str:
        """What a receiver recognises repeats by: the same versions together have the same id."""
        own = [each.delivery_id for each in self.deliveries]
        if len(own) == 1:
            return own[0]
        return blake2b("".join(own).encode(), digest_size=16, person=b"notification").hexdigest()

    @property
    def channel(self) -> str:
        """The channel of all of them."""
        return self.deliveries[0].channel

    @property
    def payload(self) -> str:
        """JSON: the alert; where the channel groups, rule, group and the list of alerts, be it of one."""
        first = self.deliveries[0]
        if not self.grouped:
            return first.payload
        rule, group = (orjson.dumps(each).decode() for each in (first.rule_id, group_of(first)))
        alerts = ",".join(each.payload for each in self.deliveries)
        return f'{{"rule_id":{rule},"group":{group},"alerts":[{alerts}]}}'


def group_of(delivery: Delivery) -> dict[str, str]:
    """The group that the rule made the alert for."""
    found: dict[str, str] = orjson.loads(delivery.payload).get("group") or {}
    return found


def key_of_group(delivery: Delivery) -> bytes:
    """One for all alerts of a rule and group."""
    text = orjson.dumps([delivery.rule_id, group_of(delivery)], option=orjson.OPT_SORT_KEYS)
    return blake2b(text, digest_size=16, person=b"group").digest()
