"""Settings: layers, unknown names, masking, and what a child process is started with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from headwater.errors import Fatal
from headwater.settings import (
    ClickHouseSettings,
    KafkaSettings,
    chain_id_of,
    environment,
    load_settings,
    logins,
    mask_url,
    provenance,
)


def test_a_flag_wins_over_the_environment_which_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "headwater.yaml"
    file.write_text("kafka:\n  bootstrap_servers: file:1\n  compression: lz4\nlog_level: DEBUG\n")
    environ = {"HEADWATER_CONFIG": str(file), "HEADWATER_KAFKA__BOOTSTRAP_SERVERS": "env:1"}
    assert load_settings(environ=environ).kafka.bootstrap_servers == "env:1"
    settings = load_settings({"kafka": {"bootstrap_servers": "flag:1"}}, environ=environ)
    assert (settings.kafka.bootstrap_servers, settings.kafka.compression) == ("flag:1", "lz4")
    assert settings.log_level == "DEBUG"


def test_what_the_caller_knows_of_a_local_stack_stands_above_the_defaults_only(tmp_path: Path) -> None:
    def local(data_dir: Path) -> tuple[str, dict[str, object]]:
        assert data_dir == tmp_path
        return "the stack", {"kafka.bootstrap_servers": "127.0.0.1:5", "clickhouse.url": "http://127.0.0.1:6"}

    environ = {"HEADWATER_CLICKHOUSE__URL": "http://127.0.0.1:9"}
    settings = load_settings({"data_dir": tmp_path}, environ=environ, local=local)
    assert settings.kafka.bootstrap_servers == "127.0.0.1:5"
    assert settings.clickhouse.url == "http://127.0.0.1:9"
    told = {
        name: origin for name, _, origin in provenance({"data_dir": tmp_path}, environ=environ, local=local)
    }
    assert (told["kafka.bootstrap_servers"], told["clickhouse.url"]) == ("the stack", "environment")


def test_a_chains_id_is_as_set_else_as_told_else_as_its_name_means() -> None:
    asked: list[str] = []

    def source(name: str, answer: int | None) -> Callable[[], int | None]:
        def ask() -> int | None:
            asked.append(name)
            return answer

        return ask

    sources = source("node", None), source("tables", 5), source("never", 6)
    assert chain_id_of(7, "ethereum", *sources) == 7
    assert asked == []
    assert chain_id_of(None, "ethereum", *sources) == 5
    assert asked == ["node", "tables"]
    assert chain_id_of(None, "ethereum") == 1
    assert chain_id_of(None, "evm-1234") == 1234
    assert chain_id_of(None, "mine") is None


@pytest.mark.parametrize(
    ("environ", "near"),
    [
        ({"HEADWATER_KAFKA__BOOTSTRAP_SERVER": "x"}, "HEADWATER_KAFKA__BOOTSTRAP_SERVERS"),
        ({"HEADWATER_LOGLEVEL": "x"}, "HEADWATER_LOG_LEVEL"),
    ],
)
def test_an_unknown_variable_names_the_nearest_known_one(environ: dict[str, str], near: str) -> None:
    with pytest.raises(Fatal, match=f"did you mean {near}"):
        load_settings(environ=environ)


def test_an_unknown_name_in_the_file_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "headwater.yaml"
    file.write_text("kafka:\n  bootstrap: a\n")
    with pytest.raises(Fatal, match=r"unknown setting kafka\.bootstrap .*headwater\.yaml"):
        load_settings(environ={"HEADWATER_CONFIG": str(file)})


def test_a_wrong_value_names_the_setting_and_where_it_came_from() -> None:
    with pytest.raises(Fatal, match=r"setting chain\.poll_seconds \(environment\)"):
        load_settings(environ={"HEADWATER_CHAIN__POLL_SECONDS": "-1"})


@pytest.mark.parametrize("name", ["clickhouse.url", "registry.url"])
@pytest.mark.parametrize("rest", ["/?user=u&password=hunter2", "?password=hunter2", "/#hunter2"])
def test_an_address_with_a_query_is_refused_since_a_login_may_be_in_it(name: str, rest: str) -> None:
    section, _, field = name.partition(".")
    with pytest.raises(Fatal, match=f"setting {section}.{field}.*username and password") as refused:
        load_settings({section: {field: f"http://somewhere:8123{rest}"}}, environ={})
    assert "hunter2" not in str(refused.value)


def test_what_is_a_word_or_a_number_may_be_a_number_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "headwater.yaml"
    file.write_text("chain:\n  start: 20000000\nclickhouse:\n  insert_quorum: 2\n")
    settings = load_settings(environ={"HEADWATER_CONFIG": str(file)})
    assert (settings.chain.start, settings.clickhouse.insert_quorum) == ("20000000", "2")


@pytest.mark.parametrize("value", ["-1", "1.5", "true", "[1]", "soon"])
def test_a_start_that_is_no_block_is_refused(tmp_path: Path, value: str) -> None:
    file = tmp_path / "headwater.yaml"
    file.write_text(f"chain:\n  start: {value}\n")
    with pytest.raises(Fatal, match=r"setting chain\.start"):
        load_settings(environ={"HEADWATER_CONFIG": str(file)})


def test_secrets_show_nowhere() -> None:
    environ = {
        "HEADWATER_CHAIN__RPC": "https://user:pw@node.example/v2/topsecret?key=topsecret",
        "HEADWATER_KAFKA__SECURITY_PROTOCOL": "SASL_SSL",
        "HEADWATER_KAFKA__SASL_MECHANISM": "PLAIN",
        "HEADWATER_KAFKA__SASL_USERNAME": "headwater",
        "HEADWATER_KAFKA__SASL_PASSWORD": "topsecret",
    }
    settings = load_settings(environ=environ)
    shown = json.dumps(provenance(environ=environ)) + repr(settings) + str(settings)
    assert "topsecret" not in shown
    assert "pw" not in shown
    assert "https://node.example/***" in shown


def test_a_child_gets_the_same_settings_through_its_environment(tmp_path: Path) -> None:
    parent = load_settings(
        {
            "data_dir": tmp_path,
            "topic_prefix": "t1",
            "chain": {
                "name": "ethereum",
                "rpc": "http://127.0.0.1:1/key,http://127.0.0.1:2",
                "verify_bloom": False,
            },
            "kafka": {
                "security_protocol": "SASL_SSL",
                "sasl_mechanism": "SCRAM-SHA-512",
                "sasl_username": "headwater",
                "sasl_password": "secret",
            },
        },
        environ={},
    )
    child = load_settings(environ=environment(parent))
    assert child.model_dump(exclude={"client_id"}) == parent.model_dump(exclude={"client_id"})


def test_logins_of_other_services_can_be_ignored(tmp_path: Path) -> None:
    file = tmp_path / "headwater.yaml"
    file.write_text("kafka:\n  sasl_username: me\n  compression: lz4\nclickhouse:\n  cluster: theirs\n")
    environ = {
        "HEADWATER_CONFIG": str(file),
        "HEADWATER_KAFKA__SECURITY_PROTOCOL": "SASL_SSL",
        "HEADWATER_CLICKHOUSE__PASSWORD": "secret",
        "HEADWATER_CLICKHOUSE__DATABASE": "mine",
    }
    settings = load_settings({"clickhouse": {"username": "flag"}}, environ=environ, ignored=logins())
    assert settings.kafka == KafkaSettings(compression="lz4")
    assert settings.clickhouse == ClickHouseSettings(database="mine", username="flag")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://127.0.0.1:8545", "http://127.0.0.1:8545"),
        ("wss://user:pw@node.example:443/ws/KEY", "wss://node.example:443/***"),
        ("https://node.example/?apikey=KEY", "https://node.example/***"),
    ],
)
def test_an_address_is_shown_without_what_may_be_a_key(url: str, shown: str) -> None:
    assert mask_url(url) == shown
