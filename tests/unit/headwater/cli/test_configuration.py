"""A command knows where a local stack listens, and everything else stands above that."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from headwater.cli.configuration import configured, origins
from headwater.errors import Fatal
from headwater.settings import Settings, environment
from sandbox.stack.endpoints import CURL, Endpoints, read, write


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


SHELL = {
    "HEADWATER_KAFKA__SECURITY_PROTOCOL": "SASL_SSL",
    "HEADWATER_KAFKA__SASL_MECHANISM": "PLAIN",
    "HEADWATER_KAFKA__SASL_USERNAME": "prod",
    "HEADWATER_KAFKA__SASL_PASSWORD": "prod-password",
    "HEADWATER_REGISTRY__USERNAME": "prod",
    "HEADWATER_REGISTRY__PASSWORD": "prod-password",
    "HEADWATER_CLICKHOUSE__USERNAME": "prod",
    "HEADWATER_CLICKHOUSE__PASSWORD": "prod-password",
    "HEADWATER_CLICKHOUSE__CLUSTER": "prod",
}
ADDRESSES = {
    "HEADWATER_KAFKA__BOOTSTRAP_SERVERS": "kafka.example:9093",
    "HEADWATER_REGISTRY__URL": "https://registry.example",
    "HEADWATER_CLICKHOUSE__URL": "https://clickhouse.example",
}


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """The directory of a stack that runs."""
    endpoints = Endpoints(
        "127.0.0.1:5", "http://127.0.0.1:6", "http://127.0.0.1:7", "http://127.0.0.1:8",
        clickhouse_user="headwater", clickhouse_password="local-password",
        clickhouse_reader="reader", clickhouse_reader_password="reader-password",
    )  # fmt: skip
    write(tmp_path, endpoints)
    return tmp_path


def logins_of(settings: Settings) -> set[str]:
    return {name for name, value in environment(settings).items() if "prod" in value}


def test_a_login_of_the_shell_is_not_sent_to_a_local_stack(
    stack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SHELL.items():
        monkeypatch.setenv(name, value)
    settings = configured({"data_dir": stack})
    assert logins_of(settings) == set()
    assert settings.kafka.security_protocol == "PLAINTEXT"
    assert settings.clickhouse.username == "headwater"
    assert settings.clickhouse.password.get_secret_value() == "local-password"
    told = {name: origin for name, _, origin in origins({"data_dir": stack})}
    assert told["clickhouse.password"] == str(stack / "endpoints.json")


def test_nor_is_one_of_a_settings_file(stack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "h.yaml").write_text("clickhouse: {username: prod, password: prod-password}")
    monkeypatch.setenv("HEADWATER_CONFIG", str(tmp_path / "h.yaml"))
    assert configured({"data_dir": stack}).clickhouse.username == "headwater"
    monkeypatch.setenv("HEADWATER_CLICKHOUSE__URL", "https://clickhouse.example")
    assert configured({"data_dir": stack}).clickhouse.username == "prod"


def test_a_login_goes_with_its_own_address_service_by_service(
    stack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (SHELL | ADDRESSES).items():
        monkeypatch.setenv(name, value)
    settings = configured({"data_dir": stack})
    assert logins_of(settings) >= {name for name, value in SHELL.items() if "prod" in value}
    monkeypatch.delenv("HEADWATER_REGISTRY__URL")
    settings = configured({"data_dir": stack})
    assert settings.registry.username is None
    assert settings.clickhouse.username == "prod"
    assert settings.kafka.sasl_username == "prod"


def test_the_stacks_login_is_sent_nowhere_else(stack: Path) -> None:
    settings = configured({"data_dir": stack, "clickhouse": {"url": "https://clickhouse.example"}})
    assert settings.clickhouse.username == "default"
    assert settings.clickhouse.password.get_secret_value() == ""


def test_without_a_stack_logins_are_the_shells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_CLICKHOUSE__PASSWORD", "prod-password")
    assert configured({"data_dir": tmp_path}).clickhouse.password.get_secret_value() == "prod-password"


def test_only_the_owner_reads_what_holds_passwords(stack: Path) -> None:
    for name in ("endpoints.json", CURL):
        assert stat.S_IMODE((stack / name).stat().st_mode) == 0o600
    assert json.loads((stack / "endpoints.json").read_text())["clickhouse"] == "http://127.0.0.1:7"
    assert "local-password" not in repr(read(stack))


def test_without_one_there_are_defaults_and_a_broken_file_is_named(tmp_path: Path) -> None:
    assert configured({"data_dir": tmp_path}).kafka.bootstrap_servers == "127.0.0.1:9092"
    (tmp_path / "endpoints.json").write_text("{")
    with pytest.raises(Fatal, match=r"cannot read .*endpoints\.json"):
        configured({"data_dir": tmp_path})
