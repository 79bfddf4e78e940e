"""A command knows where a local stack listens, and everything else stands above that."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headwater.cli.configuration import configured, origins
from headwater.errors import Fatal


def test_a_running_local_stack_stands_above_the_defaults_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "endpoints.json").write_text(
        json.dumps({"kafka": "127.0.0.1:5", "clickhouse": "http://127.0.0.1:6", "rpc": "http://127.0.0.1:7"})
    )
    monkeypatch.setenv("HEADWATER_CLICKHOUSE__URL", "http://127.0.0.1:9")
    settings = configured({"data_dir": tmp_path})
    assert settings.kafka.bootstrap_servers == "127.0.0.1:5"
    assert settings.clickhouse.url == "http://127.0.0.1:9"
    assert [url.get_secret_value() for url in settings.chain.rpc] == ["http://127.0.0.1:7"]
    told = {name: origin for name, _, origin in origins({"data_dir": tmp_path})}
    assert told["chain.rpc"] == str(tmp_path / "endpoints.json")


def test_without_one_there_are_defaults_and_a_broken_file_is_named(tmp_path: Path) -> None:
    assert configured({"data_dir": tmp_path}).kafka.bootstrap_servers == "127.0.0.1:9092"
    (tmp_path / "endpoints.json").write_text("{")
    with pytest.raises(Fatal, match=r"cannot read .*endpoints\.json"):
        configured({"data_dir": tmp_path})
