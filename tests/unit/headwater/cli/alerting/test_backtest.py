"""`headwater rules backtest` and `test` over blocks in memory; rows of views as records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from headwater.cli import build
from headwater.cli.alerting import backtest, topic
from headwater.cli.alerting.topic import Written
from headwater.cli.history import CHUNK, HistoryBlock, records_of
from headwater.errors import Fatal
from headwater.settings import Settings
from streams.logic.alerts.evaluate import selection
from streams.logic.alerts.index import RuleIndex
from streams.logic.alerts.records import LAYOUTS
from streams.logic.alerts.rule import Comparison, Finality, Match
from tests.builders.alerts import (
    HASH,
    READER,
    TOKEN,
    Texts,
    content,
    count,
    envelope,
    log,
    rule,
    text,
    transaction,
    transfer,
    value,
    window,
)
from topics.chainlog.kinds import EventKind

RULES = (
    rule("large", where=lambda record, lists: int(str(record["value"])) > 5, finality=Finality.FINALIZED),
    rule("rush", window=window(3_600, count(Comparison.AT_LEAST, 3))),
)
TEXTS = Texts(*RULES)
EVERY = selection(RuleIndex(rule("r", match) for match in LAYOUTS))


class Chain:
    """In place of the history: as many blocks as are asked for, each with the same transfers."""

    def blocks(self, first: int, last: int) -> Iterator[HistoryBlock]:
        for place, number in enumerate(range(first, last + 1)):
            own = replace(envelope(EventKind.APPLY, place + 1, number, seconds=12 * number), parent_hash=None)
            body = content(transfer(0, 5), transfer(1, 7))
            yield HistoryBlock(own, READER.message(value(own, body), EVERY))

    def block_of(self, transaction: str) -> int | None:
        return 3 if transaction == text(HASH) else None


@pytest.fixture(autouse=True)
def history(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def chain(settings: Settings) -> Iterator[Chain]:
        yield Chain()

    def current(settings: Settings, prefix: str = "") -> Mapping[str, Written]:
        return {f"rule:{each.id}": Written(4, each.text, 0, "ann@desk") for each in RULES}

    monkeypatch.setattr(backtest, "_history", chain)
    monkeypatch.setattr(backtest, "compiler", lambda limits: TEXTS.compile)
    monkeypatch.setattr(topic, "current", current)


def _run(*words: str) -> Any:
    return CliRunner().invoke(build(words), list(words))


def test_a_backtest_says_each_alert_of_a_rule_whatever_its_finality() -> None:
    last = CHUNK + 5
    words = ("rules", "backtest", "large", "--from", "2", "--to", str(last), "--json")
    found = orjson.loads(_run(*words).output)
    assert [each["block_number"] for each in found] == list(range(2, last + 1))
    assert {each["rule_id"] for each in found} == {"large"}
    done = _run("rules", "backtest", "rush", "--from", "0", "--to", "9")
    assert "1 alerts in 10 blocks" in done.output
    assert "rush fired" in done.output


@pytest.mark.parametrize("match", [Match.REORG, Match.TRANSACTION_STATE])
def test_what_no_table_of_blocks_has_is_refused(match: Match, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = Texts(rule("deep", match))
    monkeypatch.setattr(backtest, "compiler", lambda limits: texts.compile)
    monkeypatch.setattr(topic, "current", lambda *_: {"rule:deep": Written(4, "deep", 0, "ann@desk")})
    refused = _run("rules", "backtest", "deep", "--from", "2", "--to", "9").exception
    assert isinstance(refused, Fatal)
    assert "--source kafka" in str(refused)


def test_what_cannot_be_meant_is_refused() -> None:
    for words in (("large", "--from", "2", "--to", "1"), ("none", "--from", "1", "--to", "2")):
        assert isinstance(_run("rules", "backtest", *words).exception, Fatal)
    assert isinstance(_run("rules", "test", "--tx", "0xab").exception, Fatal)


def test_a_transaction_shows_the_rules_that_it_meets() -> None:
    output = _run("rules", "test", "--tx", text(HASH).upper().replace("0X", "0x")).output
    assert "large  high  large fired" in output
    assert "rush  counts it in its windows" in output
    assert "2 of 2 rules are met" in output


def test_a_transaction_is_tried_by_its_own_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the rest of its block gave to windows was listed too."""
    other = {**transfer(2, 50), "transaction_hash": b"o" * 32}
    body = content(transfer(0, 5), transfer(1, 7), other, transactions=[transaction(0, hash=HASH)])

    def blocks(self: Chain, first: int, last: int) -> Iterator[HistoryBlock]:
        own = envelope(EventKind.APPLY, 1, first)
        yield HistoryBlock(own, READER.message(value(own, body), EVERY))

    fifty = window(60, count(Comparison.AT_LEAST, 2))
    rules = (
        *RULES,
        rule("fifty", window=fifty, where=lambda record, lists: record["value"] == 50),
        rule("sent", Match.TRANSACTION, where=lambda record, lists: record["hash"] == text(HASH)),
    )
    monkeypatch.setattr(Chain, "blocks", blocks)
    monkeypatch.setattr(backtest, "compiler", lambda limits: Texts(*rules).compile)
    written = {f"rule:{each.id}": Written(4, each.text, 0, "ann@desk") for each in rules}
    monkeypatch.setattr(topic, "current", lambda *_: written)
    output = _run("rules", "test", "--tx", text(HASH)).output
    assert "fifty" not in output
    assert "3 of 4 rules are met" in output


def test_rules_that_no_transaction_decides_are_named_and_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = (Match.BLOCK, Match.STAT, Match.REORG, Match.TRANSACTION_STATE)
    each_block = window(60, count(Comparison.AT_LEAST, 2))
    rules = (
        *RULES,
        *(rule(kind.value, kind) for kind in kinds),
        rule("blocks", Match.BLOCK, window=each_block),
        rule("gone", Match.ABSENCE, of=Match.TOKEN_TRANSFER, within_ms=60_000),
    )
    monkeypatch.setattr(backtest, "compiler", lambda limits: Texts(*rules).compile)
    written = {f"rule:{each.id}": Written(4, each.text, 0, "ann@desk") for each in rules}
    monkeypatch.setattr(topic, "current", lambda *_: written)
    output = _run("rules", "test", "--tx", text(HASH)).output
    for own in (*(kind.value for kind in kinds), "blocks", "gone"):
        assert f"{own}  not tried: it matches" in output
    assert "2 of 2 rules are met" in output


def test_a_text_in_force_that_is_no_rule_is_named_and_the_others_are_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = {f"rule:{each.id}": Written(4, each.text, 0, "ann@desk") for each in RULES}
    broken = {"rule:broken": Written(1, "of a later version", 0, "ann@desk")}
    monkeypatch.setattr(topic, "current", lambda *_: {**broken, **written})
    output = _run("rules", "test", "--tx", text(HASH)).output
    assert "broken  not tried: no rule in 'of a later version'" in output
    assert "2 of 2 rules are met" in output
    # One that is asked about by its name is no rule at all.
    assert "no rule in" in str(_run("rules", "test", "--tx", text(HASH), "broken").exception)


def test_rules_are_bounded_as_the_stage_bounds_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_ALERTS__MAX_UNINDEXED", "1")
    told = "rule rush would be tried with every record of its kind, as 1 others are"
    output = _run("rules", "test", "--tx", text(HASH)).output
    assert f"rush  not tried: {told}" in output
    assert "1 of 1 rules are met" in output
    assert told in str(_run("rules", "test", "--tx", text(HASH), "large", "rush").exception)


@pytest.mark.parametrize(
    ("match", "record"),
    [
        (Match.TOKEN_TRANSFER, transfer(2, 2**256 - 1)),
        (Match.LOG, log(2, TOKEN, HASH)),
        (Match.TRANSACTION, transaction(1, to_address=None, receipt_status=0)),
    ],
)
def test_a_row_of_a_view_is_the_record_that_the_codec_reads(match: Match, record: dict[str, Any]) -> None:
    layout = LAYOUTS[match]
    of = envelope(EventKind.APPLY, 1, 1)
    read = READER.message(value(of, content(**{layout.array: [record]})), EVERY).records[layout.array]
    (expected,) = read.rows(*layout.codec.names)
    row = {name: _as_json(each) for name, each in zip(layout.codec.names, expected, strict=True)}
    if match is Match.TRANSACTION:
        row["nonce"] = str(2**64 - 1)  # unsigned in ClickHouse
    (found,) = records_of(layout, [row]).rows(*layout.codec.names)
    assert found == expected


def _as_json(raw: object) -> object:
    if isinstance(raw, bytes):
        return text(raw)
    if isinstance(raw, list):
        return [_as_json(each) for each in raw]
    return str(raw) if isinstance(raw, int) else raw
