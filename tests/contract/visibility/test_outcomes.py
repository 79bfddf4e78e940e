"""Views of repairs and dead letters: what became of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.builders.covered_chain import Chain, block_hash

pytestmark = pytest.mark.integration


def repairs_of(chain: Chain) -> dict[str, tuple[object, ...]]:
    rows = chain.client.query(
        f"SELECT request_id, outcome, failed_stage, problem FROM {chain.canonical}.repairs"
    ).result_rows
    return {str(request): tuple(rest) for request, *rest in rows}


def letters_of(chain: Chain) -> dict[int, tuple[object, ...]]:
    rows = chain.client.query(
        f"SELECT offset, block_number, block_hash, sequence, repair, repair_outcome, repair_problem "
        f"FROM {chain.canonical}.dead_letters"
    ).result_rows
    return {int(offset): tuple(rest) for offset, *rest in rows}


def asked(chain: Chain, request: str, block: tuple[int, str] | int, outcome: str, **more: object) -> None:
    """An outcome as the sink stores it; times are seconds."""
    row = {
        "chain_id": chain.chain_id,
        "request_id": request,
        "block_number": block if isinstance(block, int) else block[0],
        "block_hash": None if isinstance(block, int) else block_hash(*block),
        "requested_at": datetime.fromtimestamp(50, UTC),
        "decided_at": datetime.fromtimestamp(60, UTC),
        "outcome": outcome,
        **more,
    }
    chain.insert("repairs", list(row), [list(row.values())])


def letter(chain: Chain, offset: int, sequence: int, block: tuple[int, str], stage: str) -> None:
    trace = block_hash(*block)[:24].hex()
    headers = {
        "sequence": str(sequence),
        "chain-id": str(chain.chain_id),
        "traceparent": f"00-{trace[:32]}-{trace[32:]}-01",
    }
    columns = ["topic", "partition", "offset", "stage", "error_message", "headers", "failed_at"]
    failed = datetime.fromtimestamp(40, UTC)
    chain.insert("dead_letters", columns, [["raw", 0, offset, stage, f"{stage} failed", headers, failed]])


def test_what_became_of_repairs(chain: Chain) -> None:
    for number in range(1, 5):
        chain.apply(number)
    asked(chain, "refused", (9, "a"), "REFUSED", problem="it is above the tip")
    asked(chain, "under way", (1, "a"), "PUBLISHED", sequence=500)
    asked(chain, "of a height", 2, "PUBLISHED", sequence=501)
    asked(chain, "failed", (3, "a"), "PUBLISHED", sequence=502)
    # Interrupted and made again: the latest decision holds.
    asked(chain, "again", (4, "a"), "PUBLISHED", sequence=503)
    later = datetime.fromtimestamp(61, UTC)
    asked(chain, "again", (4, "a"), "PUBLISHED", sequence=504, decided_at=later)
    chain.coverage(2, "a", sequence=501)
    letter(chain, 7, 502, (3, "a"), "normalize")
    chain.coverage(3, "a", sequence=502)
    chain.coverage(4, "a", sequence=503)
    assert repairs_of(chain) == {
        "refused": ("refused", None, "it is above the tip"),
        "under way": ("under way", None, None),
        "of a height": ("repaired", None, None),
        "failed": ("failed again", "normalize", "normalize failed"),
        "again": ("under way", None, None),
    }
    chain.coverage(4, "a", sequence=600)
    chain.coverage(1, "a", sequence=500, complete=False)
    assert repairs_of(chain)["again"] == ("repaired", None, None)
    assert repairs_of(chain)["under way"] == ("under way", None, None)


def test_dead_letters_tell_their_block_and_what_was_done(chain: Chain) -> None:
    for number in range(1, 4):
        chain.apply(number)
    names = {number: "0x" + block_hash(number, "a").hex() for number in range(1, 4)}
    chain.coverage(1, "a", sequence=300, complete=False)
    letter(chain, 1, 300, (1, "a"), "enrich")
    letter(chain, 1, 300, (1, "a"), "enrich")
    chain.coverage(2, "a", sequence=301, complete=False)
    letter(chain, 2, 301, (2, "a"), "sink")
    letter(chain, 3, 302, (3, "a"), "state")
    assert letters_of(chain) == {
        1: (1, names[1], 300, None, None, None),
        2: (2, names[2], 301, None, None, None),
        3: (None, None, 302, None, None, None),
    }
    place = {"letter_topic": "raw", "letter_partition": 0, "letter_offset": 3}
    asked(chain, "one", (1, "a"), "PUBLISHED", sequence=500)
    # Asked before the letter came about: not for it.
    early = datetime.fromtimestamp(30, UTC)
    asked(chain, "two", (2, "a"), "REFUSED", problem="no", requested_at=early)
    asked(chain, "three", (3, "a"), "REFUSED", problem="no node has it", **place)
    chain.coverage(1, "a", sequence=500)
    assert letters_of(chain) == {
        1: (1, names[1], 300, "one", "repaired", None),
        2: (2, names[2], 301, None, None, None),
        3: (3, names[3], 302, "three", "refused", "no node has it"),
    }
