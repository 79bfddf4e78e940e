"""What a topic would refuse is found before anything is written, wherever it was to go."""

from __future__ import annotations

import pytest

from headwater.errors import Permanent
from streams.logic.event import Messages
from streams.runtime.sizes import refuse_too_large
from streams.stage import Outcome

FITS, TOO_LARGE = bytes((32 << 20) - 2_048), bytes((32 << 20) - 2_047)


def messages(stream: str, value: bytes) -> Messages:
    return Messages(stream, [b"small", b"gone", b"large"], [b"", None, value], ())


def outcome(where: str, value: bytes) -> Outcome:
    match where:
        case "public":
            return Outcome(public=[messages("transactions", value)])
        case "internal":
            return Outcome(internal=[messages("enriched-blocks", value)])
        case "state":
            return Outcome(state=messages("aggregate-state", value))
        case _:
            return Outcome(table=[(b"gone", None), (b"large", value)])


@pytest.mark.parametrize("where", ["public", "internal", "state", "table"])
def test_a_record_above_its_topic_is_refused(where: str) -> None:
    refuse_too_large(outcome(where, FITS))
    with pytest.raises(Permanent, match="has 33552385 bytes, its topic takes 33552384"):
        refuse_too_large(outcome(where, TOO_LARGE))
