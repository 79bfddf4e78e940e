"""What rules say of statistics and of states of transactions: of records that no block carries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from streams.logic.alerts.configuration import Configuration
from streams.logic.alerts.derived import Record
from streams.logic.alerts.evaluate import Evaluation
from streams.logic.alerts.gives import NOTHING, Candidate, Gives, together
from streams.logic.alerts.rule import Match
from streams.logic.state.history import LifeState
from topics.chainlog.envelope import Envelope
from topics.chainlog.kinds import EventKind


def of_statistics(judging: Iterable[Configuration], envelope: Envelope, records: Sequence[Record]) -> Gives:
    """What rules say of snapshots. One that takes everything back says nothing."""
    if not records or envelope.event is EventKind.REVERT:
        return NOTHING
    again = _identities(records) if envelope.event is EventKind.REPAIR else frozenset()
    found = Gives(again=again)
    for each in judging:
        asked = Evaluation(each, envelope)
        for record in records:
            own, end = _bytes(record, "event_id"), record["window_end"]
            if not record["removed"]:
                asked.record(Match.STAT, record, own, {"event_id": own, "until": end, "time": end})
        found = together(found, asked.gives())
    return found


def of_states(
    judging: Configuration, in_force: Configuration, envelope: Envelope, records: Sequence[Record]
) -> Gives:
    """What rules say of states of transactions.

    Those that go with their block are judged by what judged the block. The others, and all that states add
    up to, are of this event.
    """
    now = _asked(in_force, envelope, records)
    if envelope.event is not EventKind.REPAIR:
        return now
    then = now if judging is in_force else _asked(judging, envelope, records)
    remaining = (each for each in now.candidates if not _goes_with_its_block(each))
    going = (each for each in then.candidates if _goes_with_its_block(each))
    return replace(now, candidates=(*remaining, *going), again=_identities(records))


def divided(states: Gives) -> tuple[Gives, Gives]:
    """Of what the states gave when a block joined or was repaired: what stands for good, and what does not.

    What they add up to is counted once, for good.
    """
    remaining = tuple(each for each in states.candidates if not _goes_with_its_block(each))
    going = tuple(each for each in states.candidates if _goes_with_its_block(each))
    return Gives(remaining, states.tallies), Gives(going, again=states.again)


def _asked(configuration: Configuration, envelope: Envelope, records: Sequence[Record]) -> Gives:
    asked = Evaluation(configuration, envelope)
    for record in records:
        own = _bytes(record, "event_id")
        about = {
            "event_id": own,
            "transaction_hash": _bytes(record, "hash"),
            "time": record["block_timestamp"],
        }
        asked.record(Match.TRANSACTION_STATE, record, own + str(record["state"]).encode(), about)
    return asked.gives()


def _goes_with_its_block(candidate: Candidate) -> bool:
    return candidate.alert.values["state"] == LifeState.INCLUDED.name


def _identities(records: Sequence[Record]) -> frozenset[bytes]:
    return frozenset(_bytes(each, "event_id") for each in records)


def _bytes(record: Record, name: str) -> bytes:
    return bytes.fromhex(str(record[name])[2:])
