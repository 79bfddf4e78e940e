"""Rows of `ethereum_etl.*` against the rows that ethereum-etl gives for the same blocks, field by field.

The blocks go the way of the product: normalise, enrich, the sink's encoders, the tables, the views.
docs/conformance.md names every difference; there is none but those of DIFFERENCES.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from clickhouse_connect.driver.client import Client

from tests.conformance.etl_comparison import FIELDS, differences
from tests.conformance.real_blocks import Case, answer, cases, envelope, rows
from tests.conformance.tables import load
from tests.contract.clickhouse_process import ClickHouseProcess

pytestmark = [pytest.mark.data, pytest.mark.integration]
CASES = [case for case in cases() if case.receipts is not None and case.expected is not None]


@pytest.fixture(scope="module")
def loaded(
    tmp_path_factory: pytest.TempPathFactory, shared_data: object
) -> Iterator[tuple[Client, dict[int, str]]]:
    """Every case in the tables, and each chain's database."""
    with ClickHouseProcess(tmp_path_factory.mktemp("clickhouse")) as server:
        client = server.client()
        yield client, load(client, server.settings, CASES)
        client.close()


@pytest.mark.parametrize("view", FIELDS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_rows_equal_the_peers(case: Case, view: str, loaded: tuple[Client, dict[int, str]]) -> None:
    client, databases = loaded
    own = envelope(answer(case.block))
    # By hash: where no transaction names the chain, two cases are taken for blocks of chain 1.
    hashed = "hash" if view == "blocks" else "block_hash"
    body = client.raw_query(
        f"SELECT * FROM {databases[own.chain_id]}.{view} WHERE {hashed} = '0x{own.block_hash.hex()}'",
        fmt="JSONEachRow",
        settings={"output_format_json_quote_64bit_integers": 0},
    )
    assert case.expected is not None
    assert differences(view, body.splitlines(), rows(case.expected / f"{view}.jsonl.gz")) == {}


def test_every_block_with_expected_rows_is_compared(shared_data: object) -> None:
    contiguous = [case for case in CASES if "contiguous" in case.name]
    assert len(contiguous) == 14
    assert len(CASES) > 14
