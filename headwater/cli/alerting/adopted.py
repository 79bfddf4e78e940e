"""Which texts on the configuration topic are in force, as the alert stage's state has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from headwater.cli.alerting.topic import Written
from headwater.errors import HeadwaterError
from headwater.settings import Settings
from schemas.registry import Registry
from streams.logic.alerts.entries import STREAM, InForce, in_force
from streams.runtime.state_topic import committed_state

YES: Final = "yes"
REFUSED: Final = "no"
WAITS: Final = "not yet"
UNKNOWN: Final = "?"
EXPLAINED: Final[Mapping[str, str]] = {
    REFUSED: "no: the alert stage refused the text and its log says why; an earlier text stays",
    WAITS: "not yet: the stage takes a text up before the next event",
    UNKNOWN: "?: what is shown is what was applied; the stage's state does not say what it made of it",
}


def stage(settings: Settings) -> InForce | None:
    """What the stage's state says; None where it cannot be read, or no worker has written it."""
    try:
        return in_force(committed_state(settings, STREAM), Registry(settings).reader(STREAM).read)
    except HeadwaterError:
        return None  # It is said of each rule that this is not known.


def standing(key: str, written: Written, found: InForce | None) -> str:
    """Whether what stands under a key of the topic is in force."""
    if found is None:
        return UNKNOWN
    own = found.adopted.get(key)
    if own is not None and own.value == written.value:
        return YES
    if found.configured_to is None:
        return UNKNOWN
    return WAITS if written.offset >= found.configured_to else REFUSED
