"""Rows of `ethereum_etl.*` against the rows that ethereum-etl gives for the same blocks, field by field.

The blocks go the way of the product: normalise, enrich, the sink's encoders, the tables, the views.
docs/conformance.md names every difference; there is none but those of DIFFERENCES.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from tests.clickhouse_process import ClickHouseProcess
from tests.conformance.real_blocks import Case, answer, cases, envelope, rows
from tests.conformance.tables import load

pytestmark = [pytest.mark.data, pytest.mark.integration]
CASES = [case for case in cases() if case.receipts is not None and case.expected is not None]

# ethereum-etl 2.4.2: streaming/enrich.py, mappers/, eth_item_id_calculator.py and its sibling.
FIELDS = {
    "blocks": (
        "type number hash parent_hash nonce sha3_uncles logs_bloom transactions_root state_root "
        "receipts_root miner difficulty total_difficulty size extra_data gas_limit gas_used timestamp "
        "transaction_count base_fee_per_gas withdrawals_root withdrawals blob_gas_used excess_blob_gas "
        "item_id item_timestamp"
    ),
    "transactions": (
        "type hash nonce transaction_index from_address to_address value gas gas_price input "
        "block_timestamp block_number block_hash max_fee_per_gas max_priority_fee_per_gas "
        "transaction_type max_fee_per_blob_gas blob_versioned_hashes receipt_cumulative_gas_used "
        "receipt_gas_used receipt_contract_address receipt_root receipt_status "
        "receipt_effective_gas_price receipt_l1_fee receipt_l1_gas_used receipt_l1_gas_price "
        "receipt_l1_fee_scalar receipt_blob_gas_price receipt_blob_gas_used item_id item_timestamp"
    ),
    "receipts": (
        "type transaction_hash transaction_index block_hash block_number cumulative_gas_used gas_used "
        "contract_address root status effective_gas_price l1_fee l1_gas_used l1_gas_price l1_fee_scalar "
        "blob_gas_price blob_gas_used"
    ),
    "logs": (
        "type log_index transaction_hash transaction_index address data topics block_number "
        "block_timestamp block_hash item_id item_timestamp"
    ),
    "token_transfers": (
        "type token_address from_address to_address value transaction_hash log_index block_number "
        "block_timestamp block_hash item_id item_timestamp"
    ),
}
IDENTITY = {
    "blocks": "hash",
    "transactions": "hash",
    "receipts": "transaction_hash",
    "logs": "log_index",
    "token_transfers": "log_index",
}
# (view, field) → what docs/conformance.md says of it.
DIFFERENCES: dict[tuple[str, str], str] = {}


@pytest.fixture(scope="module")
def loaded(
    tmp_path_factory: pytest.TempPathFactory, shared_data: object
) -> Iterator[tuple[Client, dict[int, str]]]:
    """Every case in the tables, and each chain's database."""
    server = ClickHouseProcess(tmp_path_factory.mktemp("clickhouse"))
    client = server.client()
    yield client, load(client, server.url, CASES)
    client.close()
    server.stop()


@pytest.mark.parametrize("view", FIELDS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_rows_equal_the_peers(case: Case, view: str, loaded: tuple[Client, dict[int, str]]) -> None:
    client, databases = loaded
    own = envelope(answer(case.block))
    # By hash: where no transaction names the chain, two cases are taken for blocks of chain 1.
    hashed = "hash" if view == "blocks" else "block_hash"
    said = client.raw_query(
        f"SELECT * FROM {databases[own.chain_id]}.{view} WHERE {hashed} = '0x{own.block_hash.hex()}'",
        fmt="JSONEachRow",
        settings={"output_format_json_quote_64bit_integers": 0},
    )
    ours = {row[IDENTITY[view]]: row for row in map(json.loads, said.splitlines())}
    assert case.expected is not None
    theirs = {row[IDENTITY[view]]: row for row in rows(case.expected / f"{view}.jsonl.gz")}
    assert sorted(ours) == sorted(theirs)
    assert all(list(row) == FIELDS[view].split() for row in ours.values())
    different: dict[str, list[Any]] = defaultdict(list)
    for key, row in theirs.items():
        for name, value in row.items():
            if (view, name) not in DIFFERENCES and ours[key][name] != value:
                different[name].append((key, ours[key][name], value))
    assert {name: (len(found), found[0]) for name, found in different.items()} == {}


def test_every_block_with_expected_rows_is_compared(shared_data: object) -> None:
    contiguous = [case for case in CASES if "contiguous" in case.name]
    assert len(contiguous) == 14
    assert len(CASES) > 14
