"""What rules say of blocks as the log tells of them: taken back, said again, and what cannot be read."""

from __future__ import annotations

from collections.abc import Iterator

from headwater.cli.alerting.judged import Judged, of_log
from streams.logic.alerts.alerting import Alerting
from streams.logic.alerts.decision import Status
from streams.logic.alerts.rule import Finality, Match
from streams.logic.event import ChainEvent
from tests.builders.alerts import READER, Texts, content, envelope, rule, transfer, value
from topics.chainlog.kinds import EventKind

K = EventKind
RULES = (
    rule("large", where=lambda record, lists: int(str(record["value"])) > 5),
    rule("sure", finality=Finality.FINALIZED),
    rule("deep", Match.REORG),
)
LIFE = (
    (K.APPLY, 4, "", 9),
    (K.APPLY, 5, "", 9),
    (K.APPLY, 6, "", 1),
    (K.REVERT, 6, "", 0),
    (K.REVERT, 5, "", 0),
    (K.APPLY, 5, "5b", 2),
    (K.APPLY, 6, "6b", 9),
    (K.FINALIZED, 5, "5b", 0),
    (K.APPLY, 7, "", 9),
)
"""Kind, block, branch, amount of its transfer."""


def _events(*spoiled: int) -> Iterator[ChainEvent]:
    for place, (kind, number, name, amount) in enumerate(LIFE):
        own = envelope(kind, 100 + place, number, name, seconds=12 * number)
        body = content(transfer(0, amount)) if kind is K.APPLY else {}
        raw = b"\x00" if place in spoiled else value(own, body)
        yield ChainEvent(own, (raw,), "enriched-blocks", 0, (place,))


def _judged(first: int, last: int, *spoiled: int) -> Judged:
    texts = Texts()
    alerting = Alerting("local", texts.compile)
    alerting.adopt(0, [texts.change(each) for each in RULES])
    return of_log(alerting, _events(*spoiled), READER, first, last)


def _verdicts(judged: Judged) -> list[tuple[str, int | None, Status | None]]:
    verdicts = [(each.alert.rule_id, each.block.number, each.status) for each in judged.alerts.values()]
    return sorted(verdicts, key=lambda each: (each[0], each[1] or 0, str(each[2])))


def test_each_alert_has_its_last_word() -> None:
    judged = _judged(4, 6)
    assert _verdicts(judged) == [
        ("deep", 5, Status.CONFIRMED),
        ("large", 4, Status.CONFIRMED),
        ("large", 5, Status.RETRACTED),
        ("large", 6, Status.PROVISIONAL),
        ("sure", 4, Status.CONFIRMED),
        ("sure", 5, Status.CONFIRMED),
        ("sure", 6, None),
    ]
    assert (judged.blocks, judged.retracted, judged.waiting, judged.unknown) == (5, 1, 1, 0)


def test_what_surrounds_the_blocks_that_were_asked_for_is_judged_and_not_told() -> None:
    judged = _judged(6, 6)
    assert _verdicts(judged) == [("large", 6, Status.PROVISIONAL), ("sure", 6, None)]
    assert judged.blocks == 2


def test_a_block_that_cannot_be_read_is_counted_and_passed_over() -> None:
    judged = _judged(4, 6, 0)
    assert ("large", 4, Status.CONFIRMED) not in _verdicts(judged)
    assert ("large", 5, Status.RETRACTED) in _verdicts(judged)
    assert judged.unknown == 1
