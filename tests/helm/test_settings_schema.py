"""A setting that no process would take is refused when the chart is rendered, every other one is taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from headwater.settings import Settings
from headwater.settings.layers import known, value_of
from tests.helm.chart import made, named, template
from tests.helm.settings_schema import CHARTS_OWN, PATH, secrets, text

# What the chart's examples have to be told in any case.
NEEDED = ("kafka.bootstrap_servers", "registry.url", "clickhouse.url")


def defaults() -> dict[str, Any]:
    """Every setting that may stand in the chart's values, at its default, nested as there."""
    settings = Settings()
    found: dict[str, Any] = {}
    for name in set(known()) - CHARTS_OWN - secrets() - set(NEEDED):
        section, _, field = name.rpartition(".")
        value = value_of(settings, name)
        plain = list(value) if isinstance(value, tuple) else value
        (found.setdefault(section, {}) if section else found)[field] = plain
    return found


def quoted(value: Any) -> Any:
    """The same with every number and truth value as text."""
    if isinstance(value, dict):
        return {name: quoted(each) for name, each in value.items()}
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def test_the_schema_has_the_settings_of_the_code() -> None:
    committed = PATH.read_text("utf-8")
    assert committed == text(committed), "run `python -m tests.helm.settings_schema`"


@pytest.mark.parametrize("how", ["plain", "quoted"])
@pytest.mark.parametrize("where", ["release", "chain"])
def test_every_setting_is_taken_at_its_default(tmp_path: Path, how: str, where: str) -> None:
    settings = defaults() if how == "plain" else quoted(defaults())
    assert set(settings["chain"]) > {"start", "roots", "poll_seconds"}
    values: dict[str, Any] = {"settings": settings}
    if where == "chain":
        values = {"chains": {"local": values}}
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(values))
    assert made(named("minimal"), "-f", str(tmp_path / "values.yaml"))


@pytest.mark.parametrize("name", sorted(secrets() | CHARTS_OWN))
def test_a_secret_and_what_the_chart_sets_are_refused_with_advice(name: str) -> None:
    done = template(named("minimal"), "--set", f"settings.{name}=1")
    assert done.returncode != 0
    field = name.rpartition(".")[2]
    assert f"settings.{name}" in done.stderr or f"and {field} are set by" in done.stderr
    assert "schema" not in done.stderr.replace("schema_registry", "")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("settings.sink.batch_row=1", "'batch_row'"),
        ("settings.sinks.batch_rows=1", "'sinks'"),
        ("settings.log_levels=INFO", "'log_levels'"),
        ("settings.sink.batch_rows=0", "/settings/sink/batch_rows"),
        ("settings.sink.batch_rows=many", "/settings/sink/batch_rows"),
        ("settings.log_level=LOUD", "/settings/log_level"),
        ("settings.chain.start=soon", "/settings/chain/start"),
        ("settings.chain.roots={blocks}", "/settings/chain/roots"),
        ("chains.local.settings.chain.quorums=2", "'quorums'"),
        ("chains.local.settings.chain.poll_seconds=-1", "/chains/local/settings/chain/poll_seconds"),
    ],
)
def test_what_no_process_would_take_is_refused_by_name(wrong: str, says: str) -> None:
    done = template(named("minimal"), "--set", wrong)
    assert done.returncode != 0
    assert says in done.stderr


def test_the_first_block_may_be_a_number() -> None:
    found = made(
        named("minimal"), "--set", "settings.chain.start=20000000,settings.clickhouse.insert_quorum=2"
    )
    settings = [each["data"].get("headwater.yaml", "") for each in found if each["kind"] == "ConfigMap"]
    assert any(yaml.safe_load(each)["chain"].get("start") == 20_000_000 for each in settings if each)
