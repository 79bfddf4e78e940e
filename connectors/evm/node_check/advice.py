"""What follows from the findings of a chain's endpoints: words for a person, settings to paste. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from connectors.evm.blocks.checks import HEADER_HASH, LOGS_BLOOM
from connectors.evm.node_check.findings import NO, Findings
from headwater.settings.chain import ALL_ROOTS
from headwater.settings.chains import chain_name
from headwater.settings.profiles import FAMILIES

LAGS_BLOCKS: Final = 16
OLD_SECONDS: Final = 60.0
SLOW_TIMES: Final = 3.0
SMALL_BATCH: Final = 10
SHALLOW: Final = 10_000


def compare(found: Sequence[Findings]) -> None:
    """Fill in what only several endpoints tell: which chain most are on, who is behind the best."""
    ids = Counter(each.chain_id for each in found if each.chain_id is not None)
    if not ids:
        return
    chain = ids.most_common(1)[0][0]
    best = max(each.head for each in found if each.head is not None and each.chain_id == chain)
    for each in found:
        if each.chain_id not in (None, chain):
            each.trouble = f"it is on chain {each.chain_id}, the others are on {chain}"
        elif each.head is not None:
            each.head_lag = best - each.head
            if each.head_lag >= LAGS_BLOCKS:
                each.trouble = each.trouble or f"it is {each.head_lag} blocks behind the best"


def advice(found: Sequence[Findings]) -> list[str]:
    """What to know and to do, a line each, that begins with the endpoint."""
    lines: list[str] = []
    usable = [each for each in found if not each.trouble]
    fastest = min((each.latency_p50 for each in usable if each.latency_p50 is not None), default=None)
    for each in found:
        lines += [f"{each.endpoint}: {text}" for text in _of(each, fastest)]
    if len(usable) == 1:
        lines.append(f"{usable[0].endpoint}: the only usable endpoint: nothing stands in when it fails")
    return lines


def _of(each: Findings, fastest: float | None) -> list[str]:
    if each.trouble:
        return [f"not usable: {each.trouble}"]
    lines: list[str] = []
    if each.head_age is not None and each.head_age > OLD_SECONDS:
        lines.append(f"its head is {each.head_age:.0f} s old: frozen, or this machine's clock is wrong")
    if each.head_lag:
        lines.append(f"{each.head_lag} blocks behind the best")
    if each.latency_p50 is not None and fastest and each.latency_p50 > max(100.0, SLOW_TIMES * fastest):
        lines.append(f"slow: {each.latency_p50:.0f} ms, the fastest takes {fastest:.0f} ms; name it last")
    if each.receipts == "singly":
        lines.append("receipts one by one only: history takes one call for each transaction")
    if each.tags.get("finalized") == NO:
        lines.append("no finalized tag: finality by depth (HEADWATER_CHAIN__FINALITY=depth)")
    if each.batch is None or each.batch < SMALL_BATCH:
        lines.append(f"takes batches of {each.batch or 0} only")
    if each.oldest_block is not None and each.head is not None:
        depth = each.head - each.oldest_block
        if each.oldest_block > 1 and depth < SHALLOW:
            lines.append(f"history begins at block {each.oldest_block}: begin there with --start, or above")
    for number, what in each.failed.items():
        lines.append(f"block {number} does not pass: {what}")
    return lines


def settings(found: Sequence[Findings]) -> dict[str, str]:
    """Settings of the chain, variable → value, with the usable endpoints best first; empty for none."""
    usable = sorted(
        (each for each in found if not each.trouble),
        key=lambda each: (each.head_lag or 0, each.latency_p50 or 0.0),
    )
    if not usable or usable[0].chain_id is None:
        return {}
    chain = usable[0].chain_id
    result = {
        "HEADWATER_CHAIN__NAME": chain_name(chain),
        "HEADWATER_CHAIN__CHAIN_ID": str(chain),
        "HEADWATER_CHAIN__RPC": ",".join(each.endpoint for each in usable),
    }
    if chain not in FAMILIES:
        tagged = [isinstance(each.tags.get("finalized"), int) for each in usable]
        if all(tagged):
            result["HEADWATER_CHAIN__FINALITY"] = "tags"
        elif all(each.tags.get("finalized") == NO for each in usable):
            result["HEADWATER_CHAIN__FINALITY"] = "depth"
    result |= _checks(usable)
    if len(usable) > 2:
        result["HEADWATER_CHAIN__QUORUM"] = "2"
    return result


def _checks(usable: Sequence[Findings]) -> dict[str, str]:
    """Checks that no block of the sample has passed at any endpoint: the chain does not have them."""
    passed = {
        name
        for each in usable
        for names in each.verified.values()
        if not isinstance(names, str)
        for name in names
    }
    if not passed:
        return {}
    result: dict[str, str] = {}
    roots = [root for root in ALL_ROOTS if f"{root}_root" in passed]
    if HEADER_HASH not in passed:
        result["HEADWATER_CHAIN__VERIFY_HEADER_HASH"] = "false"
    if LOGS_BLOOM not in passed:
        result["HEADWATER_CHAIN__VERIFY_BLOOM"] = "false"
    if not roots:
        result["HEADWATER_CHAIN__VERIFY_ROOTS"] = "off"
    return result
