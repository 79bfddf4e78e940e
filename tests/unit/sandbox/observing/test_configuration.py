"""Every process is scraped, the chart's rules are about this chain, and both programs are asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from headwater.errors import Fatal
from sandbox.observing import configuration, parts
from sandbox.stack.roles import ROLES

PORTS = {role.name: 20_000 + number for number, role in enumerate(ROLES)}


def test_every_process_is_scraped_under_the_namespace_that_the_rules_ask_for(tmp_path: Path) -> None:
    configuration.write(tmp_path, "base", PORTS, 9093)
    written = yaml.safe_load((tmp_path / "prometheus.yaml").read_text())
    (job,) = written["scrape_configs"]
    assert {each["labels"]["pod"]: each["targets"] for each in job["static_configs"]} == {
        role: [f"127.0.0.1:{port}"] for role, port in PORTS.items()
    }
    rules = yaml.safe_load((tmp_path / written["rule_files"][0]).read_text())["groups"][0]["rules"]
    assert len(rules) > 15
    for each in rules:
        assert f'namespace="{configuration.NAMESPACE}"' in each["expr"]
        assert 'chain="local"' not in each["expr"]
        assert "chain local" not in each["annotations"]["summary"]
    gone = {each["expr"] for each in rules if each["alert"] == "HeadwaterRoleGone"}
    roles = [role.name for role in ROLES if role.name != "listen"]
    there = 'absent(headwater_build_info{{namespace="headwater", chain="base", role="{role}"}})'
    assert gone == {f"max_over_time({there.format(role=role)}[2m:15s])" for role in roles}


def test_a_machine_without_them_is_told_the_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Fatal, match=r"prometheus and alertmanager, not found.*apt-get install prometheus "):
        parts.installed()
    for name in ("prometheus", "prometheus-alertmanager"):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(0o755)
    found = parts.installed()
    assert found[parts.ALERTMANAGER] == str(tmp_path / "prometheus-alertmanager")
    taken = parts.observers({"prometheus": 1, "alertmanager": 2}.__getitem__)
    assert taken.addresses == {"prometheus": "http://127.0.0.1:1", "alertmanager": "http://127.0.0.1:2"}
    made = taken.parts(tmp_path, tmp_path, ("chain-known",))
    assert all(part.needs == ("chain-known",) for part in made)
    # Nobody else may look at them, and one does not look for others of its kind.
    assert all(
        f"--web.listen-address=127.0.0.1:{port}" in str(part.command().argv)
        for part, port in zip(made, (2, 1), strict=True)
    )
    (prometheus,) = (part for part in made if part.name == parts.PROMETHEUS)
    assert "--query.lookback-delta=300000ms" in prometheus.command().argv
