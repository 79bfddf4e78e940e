"""`headwater rules backtest` and `test`: what rules would have said of past blocks."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import orjson
import typer
from clickhouse_connect.driver.exceptions import ClickHouseError
from rich.console import Console
from rich.table import Table

from connectors.clickhouse.client import connect
from headwater.cli.alerting import rules, topic
from headwater.cli.alerting.enriched import EnrichedLog
from headwater.cli.alerting.judged import Judged, JudgedAlert, of_log, of_rows
from headwater.cli.alerting.reading import limits_of, text_of
from headwater.cli.configuration import configured
from headwater.cli.history import History, of_transaction
from headwater.cli.migrate import chain_id_for
from headwater.errors import Fatal, Permanent
from headwater.redaction import mask_url
from headwater.settings import Settings
from streams.logic.alerts.alerting import Alerting
from streams.logic.alerts.compiling import compiler, rules_of
from streams.logic.alerts.configuration import RULE, Change
from streams.logic.alerts.evaluate import Evaluation
from streams.logic.alerts.rule import Match

_ANY: Final = "rule of a file, or one that is in force"


_OF_A_TRANSACTION: Final = (Match.TRANSACTION, Match.LOG, Match.TOKEN_TRANSFER, Match.CONTRACT_CREATION)
OnRejected: TypeAlias = Callable[[Change, Permanent], None]


def _refuse(change: Change, problem: Permanent) -> None:
    raise problem


class Source(StrEnum):
    """Where the blocks come from."""

    CLICKHOUSE = "clickhouse"
    KAFKA = "kafka"


def add_to(app: typer.Typer) -> None:
    """Register the commands with `headwater rules`."""
    app.command(name="backtest")(backtest)
    app.command(name="test")(try_transaction)


def backtest(
    rule: Annotated[str, typer.Argument(metavar="FILE|ID", help=f"A {_ANY}.")],
    first: Annotated[int, typer.Option("--from", min=0, help="First block.")],
    last: Annotated[int, typer.Option("--to", min=0, help="Last block, included.")],
    source: Annotated[
        Source, typer.Option(help="clickhouse: the canonical blocks. kafka: enriched-blocks, forks included.")
    ] = Source.CLICKHOUSE,
    data_dir: rules.DataDir = None,
    json: rules.Json = False,
) -> None:
    """Show what a rule would have said of past blocks: each alert, how often, and what was taken back.

    ClickHouse has all history and only what stands: nothing is retracted, and rules on reorgs and on states
    of transactions have nothing to look at. Kafka has the blocks that enriched-blocks still holds, and what
    happened to them. Lists and labels are those in force now.
    """
    settings = configured({"data_dir": data_dir})
    if first > last:
        raise Fatal(f"no blocks from {first} to {last}", remedy="give --from no greater than --to")
    alerting = _alerting(settings, [rule])
    if source is Source.KAFKA:
        with closing(EnrichedLog(settings)) as log:
            judged = of_log(alerting, log.events(first, last), log.reader, first, last)
            judged.unknown += log.unread
    else:
        _needs_rows(alerting)
        with _history(settings) as history:
            judged = of_rows(alerting, history.blocks(first, last), last)
    found = list(judged.alerts.values())
    if json:
        print(orjson.dumps([_for_scripts(each) for each in found]).decode())
        return
    _show(found, statuses=source is Source.KAFKA)
    print(_summary(judged, source))


def _needs_rows(alerting: Alerting) -> None:
    """Raises Fatal for a rule that asks for what no table of blocks has."""
    for each in alerting.configuration.rules.values():
        if each.rule.match in (Match.REORG, Match.TRANSACTION_STATE):
            raise Fatal(
                f"rule {each.rule.id} matches {each.rule.match.value}: canonical blocks have none",
                remedy="add --source kafka, for blocks that enriched-blocks still holds",
            )


def _summary(judged: Judged, source: Source) -> str:
    parts = [f"{len(judged.alerts):,} alerts in {judged.blocks:,} blocks"]
    if source is Source.KAFKA:
        parts.append(f"{judged.retracted:,} of them retracted")
        if judged.waiting:
            parts.append(f"{judged.waiting:,} wait for the finality that the rule asks for")
    if judged.unknown:
        parts.append(f"{judged.unknown:,} events that cannot be read")
    if judged.errors:
        parts.append(f"{judged.errors:,} records for which the condition has no value")
    return "; ".join(parts)


def try_transaction(
    transaction: Annotated[str, typer.Option("--tx", metavar="HASH", help="Hash of a transaction.")],
    names: Annotated[
        list[str] | None, typer.Argument(metavar="FILE|ID…", help=f"Each a {_ANY}; all in force without.")
    ] = None,
    data_dir: rules.DataDir = None,
) -> None:
    """Show which rules a transaction meets, and which windows its records count in.

    Rules about blocks, statistics, states, reorgs and absences are named and not tried: what they look at is
    no transaction.
    """
    settings, own = configured({"data_dir": data_dir}), transaction.lower()
    refused: list[tuple[Change, Permanent]] = []

    def goes_on(change: Change, problem: Permanent) -> None:
        refused.append((change, problem))

    with _history(settings) as history:
        # Those that are named are to be tried; of all in force one may not compile in this version.
        alerting = _alerting(settings, names or None, _refuse if names else goes_on)
        number = history.block_of(own)
        if number is None:
            raise Fatal(f"no canonical block in ClickHouse has transaction {own}")
        (block,) = history.blocks(number, number)
    rules = {each.rule.id: each.rule for each in alerting.configuration.rules.values()}
    tried = {each.id for each in rules.values() if each.match in _OF_A_TRANSACTION}
    mine = of_transaction(block, bytes.fromhex(own[2:]))
    gives = Evaluation(alerting.configuration, block.envelope).block([mine.content])
    met = [each for each in gives.candidates if each.owner.rule_id in tried]
    for each in met:
        print(f"{each.alert.rule_id}  {each.alert.severity.value}  {each.alert.title}")
    counted = [owner for owner in gives.tallies if owner.rule_id in tried]
    for owner in counted:
        print(f"{owner.rule_id}  counts it in its windows  {', '.join(owner.group)}".rstrip())
    for rule_id, number_of in gives.errors.items():
        if rule_id in tried:
            print(f"{rule_id}  its condition has no value for {number_of:,} of the transaction's records")
    for rule in rules.values():
        if rule.id not in tried:
            print(f"{rule.id}  not tried: it matches {rule.match.value}, which is of no one transaction")
    for change, problem in refused:
        print(f"{change.key.removeprefix(RULE)}  not tried: {problem}")
    meeting = {each.owner.rule_id for each in met} | {owner.rule_id for owner in counted}
    print(f"{len(meeting)} of {len(tried)} rules are met by {own} in block {number}")


@contextmanager
def _history(settings: Settings) -> Iterator[History]:
    chain_id = chain_id_for(settings)
    client = connect(settings.clickhouse)
    try:
        yield History(client, settings.clickhouse.database, chain_id)
    except ClickHouseError as error:
        raise Fatal(f"ClickHouse at {mask_url(settings.clickhouse.url)}: {error}") from error
    finally:
        client.close()


def _alerting(settings: Settings, names: list[str] | None, refused: OnRejected = _refuse) -> Alerting:
    """With lists and labels as they are in force, and these rules: files, ids, or all that are in force."""
    current, bounds = topic.current(settings), settings.alerts
    limits = limits_of(bounds)
    changes = [
        Change(each.offset, key, each.value) for key, each in current.items() if not key.startswith(RULE)
    ]
    known = {key.removeprefix(RULE): each for key, each in current.items() if key.startswith(RULE)}
    for name in sorted(known, key=lambda own: known[own].offset) if names is None else names:
        if name in known:
            changes.append(Change(known[name].offset, f"{RULE}{name}", known[name].value))
        elif Path(name).exists():
            for own, text in rules_of(text_of(Path(name)), name, limits):
                changes.append(Change(0, f"{RULE}{own}", text))
        else:
            raise Fatal(f"{name} is not a file, and no rule of that id is in force")
    alerting = Alerting(
        settings.chain.name,
        compiler(limits),
        max_groups=bounds.max_groups,
        max_unindexed=bounds.max_unindexed,
    )
    alerting.adopt(0, changes, refused)
    return alerting


def _for_scripts(made: JudgedAlert) -> dict[str, object]:
    alert, block = made.alert, made.block
    return {
        "alert_id": f"0x{alert.id.hex()}",
        "rule_id": alert.rule_id,
        "block_number": block.number,
        "block_hash": None if block.hash is None else f"0x{block.hash.hex()}",
        "transaction_hash": None if alert.transaction_hash is None else f"0x{alert.transaction_hash.hex()}",
        "window_start": alert.window_start,
        "title": alert.title,
        "group": alert.group,
        "status": None if made.status is None else made.status.value,
        "reason": made.reason,
        "values": alert.values,
    }


def _show(found: list[JudgedAlert], *, statuses: bool) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("block", "time", "severity", *(["status"] if statuses else []), "title"):
        table.add_column(name, overflow="fold")
    for each in found:
        at = datetime.datetime.fromtimestamp((each.block.timestamp or 0) / 1_000, datetime.UTC)
        time = at.isoformat(sep=" ", timespec="seconds")
        status = ["waiting" if each.status is None else each.status.value] if statuses else []
        table.add_row(str(each.block.number), time, each.alert.severity.value, *status, each.alert.title)
    Console().print(table)
