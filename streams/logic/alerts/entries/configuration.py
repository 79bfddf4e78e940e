"""The entries of the configuration in force, and of rules that were in force before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from headwater.errors import Permanent
from streams.logic.alerts.alerting import Alerting
from streams.logic.alerts.configuration import RULE, Adopted, Change, Former
from streams.logic.alerts.decision import Decision
from streams.logic.alerts.entries import progress
from streams.logic.alerts.entries.entry import Entry, decoded, encoded, written

_FORMER: Final = b"former:"
_CONFIGURATION: Final = b"configuration:"
_ENTRY: Final = "CONFIGURATION"


class _Configuration(msgspec.Struct, frozen=True, array_like=True):
    key: str
    adopted: Adopted


class InForce(NamedTuple):
    """Keys of the configuration as a stage has adopted them; `configured_to` as the fold has it."""

    adopted: dict[str, Adopted]
    configured_to: int | None


def in_force(content: Mapping[bytes, bytes], read: Callable[[bytes], Mapping[str, Any]]) -> InForce | None:
    """What a state topic says of it; None where nothing was written. Raises what `read` raises."""
    if progress.KEY not in content:
        return None
    own = (
        decoded(read(value), _Configuration)
        for key, value in content.items()
        if key.startswith(_CONFIGURATION)
    )
    content_of_progress = decoded(read(content[progress.KEY]), progress.Progress)
    return InForce({each.key: each.adopted for each in own}, content_of_progress.configured_to)


def changes(decision: Decision) -> Iterator[Entry]:
    """What a decision changes of them."""
    for name, adopted in decision.configuration.items():
        value = None if adopted is None else encoded(_Configuration(name, adopted))
        yield (
            _CONFIGURATION + name.encode(),
            None if value is None else written(_ENTRY, decision.sequence, value),
        )
    for former, kept in decision.former.items():
        entry = written(_ENTRY, decision.sequence, encoded(former)) if kept else None
        yield _FORMER + f"{former.until}:{former.key}".encode(), entry


def restore(
    alerting: Alerting,
    keys: Sequence[bytes],
    records: Sequence[Mapping[str, Any]],
    refused: Callable[[Change, Permanent], None],
) -> None:
    """Put what `records`, of these `keys`, hold into a new `alerting`."""
    found = [(key, each) for key, each in zip(keys, records, strict=True) if each["entry"] == _ENTRY]
    former = [decoded(each, Former) for key, each in found if key.startswith(_FORMER)]
    former.sort(key=lambda each: each.until)
    alerting.fold.former = {(each.until, each.key): each for each in former}
    own = [decoded(each, _Configuration) for key, each in found if not key.startswith(_FORMER)]
    _adopt(alerting, own, refused)


def _adopt(
    alerting: Alerting, found: list[_Configuration], refused: Callable[[Change, Permanent], None]
) -> None:
    configuration, keys = alerting.configuration, set()
    for each in found:
        rule = None
        if each.key.startswith(RULE):
            change = Change(each.adopted.offset, each.key, each.adopted.value)
            try:
                rule = configuration.compiled(change)
            except Permanent as error:
                refused(change, error)
        configuration.put(each.key, each.adopted, rule)
        keys.add(each.key)
    configuration.settle(keys)
    alerting.settled()
