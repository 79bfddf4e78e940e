"""What `headwater node check` prints: a table or JSON, and how it leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

import orjson
from rich.console import Console
from rich.table import Table

from connectors.evm.blocks.checks import Verifier
from connectors.evm.leading import verifier_of
from connectors.evm.node_check.advice import advice, settings
from connectors.evm.node_check.findings import Findings
from connectors.evm.node_check.run import check
from headwater.settings import ChainSettings
from headwater.settings.profiles import profile_of

SOME_UNUSABLE: Final = 3
NONE_USABLE: Final = 4


def run(urls: Sequence[str], *, seconds: float, json: bool) -> int:
    """Check the endpoints, print what was found, and return the exit code."""
    found = asyncio.run(check(urls, _verifier, seconds=seconds))
    words, paste = advice(found), settings(found)
    if json:
        endpoints = [asdict(each) | {"usable": not each.trouble} for each in found]
        document = {"endpoints": endpoints, "advice": words, "settings": paste}
        print(orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS).decode())
    else:
        _show(found, words, paste)
    usable = sum(not each.trouble for each in found)
    if not usable:
        return NONE_USABLE
    return 0 if usable == len(found) else SOME_UNUSABLE


def _verifier(chain_id: int) -> Verifier:
    return verifier_of(profile_of(chain_id, ChainSettings()), "all")


def _show(found: Sequence[Findings], words: Sequence[str], paste: dict[str, str]) -> None:
    console = Console()
    table = Table("", *(each.endpoint for each in found), show_lines=False)
    for name, values in _rows(found):
        table.add_row(name, *values)
    console.print(table)
    for line in words:
        console.print(f"- {line}", markup=False, highlight=False, soft_wrap=True)
    if paste:
        console.print("\n# Settings; the addresses are masked: put yours, in this order.", highlight=False)
    for variable, value in paste.items():
        console.print(f"{variable}={value}", markup=False, highlight=False, soft_wrap=True)


def _rows(found: Sequence[Findings]) -> list[tuple[str, list[str]]]:
    def row(name: str, of: list[object]) -> tuple[str, list[str]]:
        return name, ["-" if value in (None, "", ()) else str(value) for value in of]

    rows = [
        row("usable", [f"no: {each.trouble}" if each.trouble else "yes" for each in found]),
        row("client", [each.client for each in found]),
        row("chain", [each.chain_id for each in found]),
        row("head", [each.head for each in found]),
        row("behind the best, blocks", [each.head_lag for each in found]),
        row("age of the head, s", [each.head_age for each in found]),
        row("latency p50 / p95, ms", [_latency(each) for each in found]),
        row("receipts", [each.receipts for each in found]),
        row("traces", [", ".join(each.traces) for each in found]),
        row("oldest block", [each.oldest_block for each in found]),
        row("oldest state tried", [each.oldest_state for each in found]),
        row("calls in a batch", [each.batch for each in found]),
        row("blocks in eth_getLogs", [each.log_range for each in found]),
        row("blocks that pass their checks", [_passed(each) for each in found]),
    ]
    tags = {tag for each in found for tag in each.tags}
    rows += [row(f"tag {tag}", [each.tags.get(tag) for each in found]) for tag in sorted(tags)]
    methods = list(dict.fromkeys(name for each in found for name in each.methods))
    return rows + [row(name, [each.methods.get(name) for each in found]) for name in methods]


def _latency(each: Findings) -> str:
    return "" if each.latency_p50 is None else f"{each.latency_p50} / {each.latency_p95}"


def _passed(each: Findings) -> str:
    if not each.verified:
        return ""
    names = {name for passed in each.verified.values() if not isinstance(passed, str) for name in passed}
    good = len(each.verified) - len(each.failed)
    return f"{good} of {len(each.verified)}: {', '.join(sorted(names))}"
