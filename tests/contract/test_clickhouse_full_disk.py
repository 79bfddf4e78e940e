"""What a full disk leaves in ClickHouse's directory does not keep the local one from starting."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.clickhouse_process import ClickHouseProcess

pytestmark = pytest.mark.integration


def test_an_empty_file_of_a_mutation_is_removed_before_the_start(tmp_path: Path) -> None:
    with ClickHouseProcess(tmp_path / "data") as process:
        client = process.client()
        client.command("CREATE TABLE default.numbers (number UInt64) ENGINE = MergeTree ORDER BY number")
        client.command("INSERT INTO default.numbers SELECT number FROM numbers(5)")
        client.command("ALTER TABLE default.numbers DELETE WHERE number < 2 SETTINGS mutations_sync = 1")
        client.close()
        process.stop()
        (file,) = (tmp_path / "data").rglob("mutation_*.txt")
        # As the engine leaves it, and acknowledges the statement, when there is no room for it.
        file.write_bytes(b"")
        process.restart()
        client = process.client()
        assert client.command("SELECT count() FROM default.numbers") == 3
        client.command("ALTER TABLE default.numbers DELETE WHERE number < 3 SETTINGS mutations_sync = 1")
        assert client.command("SELECT count() FROM default.numbers") == 2
        client.close()
