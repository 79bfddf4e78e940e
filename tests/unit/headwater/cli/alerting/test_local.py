"""The rules of `headwater up`: its own, and those that a flag names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from headwater.cli.alerting import local, topic
from headwater.cli.alerting.local import BUILTIN, LocalRules
from headwater.cli.alerting.reading import read_files
from headwater.cli.alerting.topic import Written
from headwater.errors import Fatal, Permanent
from headwater.settings import AlertSettings, Settings, load_settings
from sandbox.traffic.deployment import places


class Configuration:
    """The topic in memory."""

    def __init__(self) -> None:
        self.keys: dict[str, Written] = {}

    def current(self, settings: Settings, prefix: str = "") -> dict[str, Written]:
        return dict(self.keys)

    def write(self, settings: Settings, changes: Mapping[str, str | None]) -> None:
        for key, value in changes.items():
            if value is None:
                del self.keys[key]
            else:
                self.keys[key] = Written(len(self.keys), value, 1, "me")


@pytest.fixture
def configuration(monkeypatch: pytest.MonkeyPatch) -> Configuration:
    made = Configuration()
    monkeypatch.setattr(topic, "current", made.current)
    monkeypatch.setattr(topic, "write", made.write)
    return made


def test_the_built_in_rules_know_where_the_traffic_puts_its_contracts() -> None:
    (read,) = read_files([BUILTIN], AlertSettings())
    assert not read.file.all_problems
    rules = {each.id: each for each in read.file.rules}
    for own, address in {
        "large-gold-transfer": places().gold,
        "collectible-minted": places().collectible,
        "failed-transactions": places().gold,
        "pair-is-silent": places().pair,
    }.items():
        assert f'"{address}"' in rules[own].text
    for each in read.file.rules:
        assert each.rule is not None
        assert each.rule.channels == ("local",)
        assert not each.warnings


def test_they_are_put_in_force_once_and_a_folder_takes_their_place(
    configuration: Configuration, tmp_path: Path
) -> None:
    settings = load_settings({"data_dir": str(tmp_path)}, environ={})
    own = LocalRules(None, local_chain=True, bounds=AlertSettings())
    assert own.apply(settings, {"local"})[0].startswith(
        "rules in force: collectible-minted, failed-transactions"
    )
    before = dict(configuration.keys)
    own.apply(settings, {"local"})
    assert configuration.keys == before
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "a.yaml").write_text("{id: mine, match: log, channels: [ops, local]}")
    named = LocalRules(folder, local_chain=True, bounds=AlertSettings())
    slow, undelivered, in_force = named.apply(settings, {"local"})
    assert "a.yaml:1:1: this rule is tried with every log" in slow
    assert undelivered == "rule mine: nobody has applied channel ops: not delivered there"
    assert in_force == "rules in force: mine"


def test_a_bad_rule_is_refused_with_its_place_before_anything_starts(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("id: a\nmatch: log\nwhere: adress == '0x'\n")
    with pytest.raises(
        Permanent, match=r"a\.yaml:3:8: undeclared reference to 'adress'.*headwater rules validate"
    ):
        LocalRules(tmp_path, local_chain=True, bounds=AlertSettings())
    file.write_text("id: a\nmatch: log\n")
    with pytest.raises(Permanent, match=r"a\.yaml:1:1: 0 rules before this one"):
        LocalRules(tmp_path, local_chain=True, bounds=AlertSettings(max_unindexed=0))
    (tmp_path / "empty").mkdir()
    with pytest.raises(Fatal, match="has no file that ends in"):
        LocalRules(tmp_path / "empty", local_chain=True, bounds=AlertSettings())


def test_another_chain_and_a_platform_without_the_compiler_have_no_built_in_rules(
    configuration: Configuration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings({"data_dir": str(tmp_path)}, environ={})
    followed = LocalRules(None, local_chain=False, bounds=AlertSettings())
    assert followed.apply(settings, set()) == ["rules in force: none"]

    def without(*_: object) -> None:
        raise Fatal("no wheel")

    monkeypatch.setattr(local, "read_files", without)
    notes = LocalRules(None, local_chain=True, bounds=AlertSettings()).apply(settings, set())
    assert notes == ["no built-in rules: no wheel", "rules in force: none"]
