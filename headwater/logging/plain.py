"""The plain form: the same lines for people."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any


def short_place(logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """`topic`, `partition` and `offset` as one word, `at=topic[partition]@offset`: as error texts name it."""
    if "topic" in event and "partition" in event:
        place = f"{event.pop('topic')}[{event.pop('partition')}]"
        event["at"] = f"{place}@{event.pop('offset')}" if "offset" in event else place
    return event
