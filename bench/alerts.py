"""The alert stage over the 23 blocks on one core, without Kafka: with 10 rules, and with 1,000."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import blake2b

from bench import blocks, streams
from bench.aggregate import Block, enriched, reader
from bench.report import Row, publish
from headwater.settings import load_settings
from schemas import frame
from streams.agents.alert import AlertStage
from streams.logic.alerts.cel import compile_condition, requirements_of
from streams.logic.alerts.configuration import Change
from streams.logic.alerts.index import RuleIndex
from streams.logic.alerts.rule import Finality, Match, Rule, Severity
from streams.logic.alerts.rules import fields_of
from streams.logic.event import ChainEvent
from streams.runtime.configuration import Latest
from streams.stage import StageContext
from topics.chainlog.envelope import Envelope
from topics.chainlog.kinds import EventKind
from topics.groups import group_of

TARGET = 100_000
LIMIT = 1.3
_FRAME = frame(1)
_KINDS = (
    (Match.TOKEN_TRANSFER, ("token_address", "from_address", "to_address")),
    (Match.LOG, ("address", "topics[0]", "topics[1]")),
    (Match.TRANSACTION, ("to_address", "from_address", "hash")),
)


def rows() -> list[Row]:
    """Records (transactions, logs, transfers) per second and core, all rules looked up by a field."""
    folder = blocks.folder()
    if folder is None:
        return [Row("alert, 10 rules", None, "records/s/core", note="no real-chain data")]
    chain = [enriched(n, *streams.answers(path)) for n, path in enumerate(sorted(folder.iterdir()))]
    few, many = (blocks.RECORDS / streams.best(_fold(chain, _rules(count))) for count in (10, 1_000))
    slow = RuleIndex(_rules(1_000)).unindexed
    narrow = blocks.RECORDS / streams.best(_fold(chain, _rules(10, fields=1)))
    every = [_rule(n, Match.TOKEN_TRANSFER, f'value > uint256("{2**200 + n}")') for n in range(10)]
    tried = blocks.RECORDS / streams.best(_fold(chain, every))
    note = "Avro in, alerts and state entries out; without produce; conditions are compiled CEL"
    return [
        Row("alert, 10 rules", few, "records/s/core", target=f"≥ {TARGET:,}", met=few >= TARGET, note=note),
        Row(
            "alert, 1,000 rules",
            many,
            "records/s/core",
            against="with 10 rules",
            other=few,
            target=f"≤ {LIMIT} × the time of 10",
            met=few / many <= LIMIT,
            note=f"{slow} of them cannot be looked up; both by the same nine fields",
        ),
        Row("alert, 10 rules by three fields", narrow, "records/s/core", note="fewer columns to read"),
        Row("alert, 10 rules tried with every transfer", tried, "records/s/core", note="none looked up"),
    ]


def _rules(count: int, fields: int = 3) -> list[Rule]:
    """Rules of three kinds, by addresses and topics that no block has, but for one that some have.

    `fields`: by how many fields of each kind they are looked up. What is read of a block follows from that,
    so that rules are compared with rules by the same fields.
    """
    made = []
    for number in range(count):
        match, known = _KINDS[number % len(_KINDS)]
        field = known[number // len(_KINDS) % fields]
        size = 20 if field.endswith("address") else 32
        wanted = "0x" + blake2b(b"%d" % number, digest_size=size).hexdigest()
        made.append(_rule(number, match, f'{field} == "{wanted}"'))
    usdc = "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"
    large = f'token_address == "{usdc}" && value >= 100000000000'
    made[0] = _rule(0, Match.TOKEN_TRANSFER, large)
    return made


def _rule(number: int, match: Match, condition: str) -> Rule:
    compiled = compile_condition(condition, fields_of(match))
    return Rule(
        id=f"rule-{number}",
        version=number,
        text=f"rule-{number}",
        chains=frozenset(),
        severity=Severity.LOW,
        match=match,
        where=compiled.condition,
        lists=compiled.lists,
        requirements=requirements_of(compiled.expr),
        group_by=(),
        window=None,
        within_ms=None,
        finality=Finality.PROVISIONAL,
        cooldown_ms=0,
        labels={},
        channels=(),
        title=lambda record, labels: "fired",
        shadow=False,
    )


class _Configuration:
    """The configuration topic, with the rules in it."""

    def __init__(self, rules: list[Rule]) -> None:
        self._changes = {
            f"rule:{each.id}": Change(n, f"rule:{each.id}", each.id) for n, each in enumerate(rules)
        }

    def catch_up(self) -> Latest:
        return Latest(self._changes, len(self._changes))

    def arrived(self) -> list[Change]:
        return []


def _fold(chain: list[Block], rules: list[Rule]) -> Callable[[], None]:
    """The blocks through a stage that has adopted its rules, another one each time."""
    ready = [_stage(chain[0][0], rules) for _ in range(streams.ROUNDS)]

    def fold() -> None:
        stage = ready.pop()
        for event, values in chain:
            stage.handle(ChainEvent(event, values, "", 0, (0,)))

    return fold


def _stage(first: Envelope, rules: list[Rule]) -> AlertStage:
    texts = {each.id: each for each in rules}
    context = StageContext(load_settings(environ={}), group_of("alert"), lambda _: _FRAME, reader)
    stage = AlertStage(
        context, lambda text, version: replace(texts[text], version=version), _Configuration(rules)
    )
    stage.restore({})
    claim = replace(first, event=EventKind.CLAIM, sequence=first.sequence - 1, block_number=None)
    stage.handle(ChainEvent(claim, (), "", 0, (0,)))
    return stage


if __name__ == "__main__":
    publish("alerts", rows())
