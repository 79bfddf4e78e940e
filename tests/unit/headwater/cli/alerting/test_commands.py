"""`headwater rules`, `lists` and `labels` over a configuration in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from headwater.cli import build
from headwater.cli.alerting import adopted, topic
from headwater.cli.alerting.topic import Written
from headwater.errors import Fatal, Permanent
from headwater.settings import Settings
from streams.logic.alerts.configuration import Adopted
from streams.logic.alerts.entries import InForce

ALICE, BOB = "0x" + "aa" * 20, "0x" + "bb" * 20


class Configuration:
    """The topic: `current` and `write` in place of the real ones."""

    def __init__(self) -> None:
        self.keys: dict[str, Written] = {}
        self.writes: list[Mapping[str, str | None]] = []
        self.stage: InForce | None = None

    def current(self, settings: Settings, prefix: str = "") -> dict[str, Written]:
        return {key: each for key, each in self.keys.items() if key.startswith(prefix)}

    def write(self, settings: Settings, changes: Mapping[str, str | None]) -> None:
        self.writes.append(dict(changes))
        for key, value in changes.items():
            if value is None:
                self.keys.pop(key)
            else:
                self.keys[key] = Written(len(self.writes), value, 1_700_000_000_000, "ann@desk")


def _rule(own: str, *more: str) -> str:
    return "\n".join([f"id: {own}", "match: block", *more, ""])


@pytest.fixture
def configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Configuration:
    made = Configuration()
    monkeypatch.setattr(topic, "current", made.current)
    monkeypatch.setattr(topic, "write", made.write)
    monkeypatch.setattr(adopted, "stage", lambda settings: made.stage)
    monkeypatch.chdir(tmp_path)
    return made


def _run(*words: str) -> Any:
    return CliRunner().invoke(build(words), list(words))


def test_rules_are_applied_whole_or_not_at_all(configuration: Configuration, tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "one.yaml").write_text("- {id: one, match: block}\n- {id: two, match: block}\n")
    (folder / "notes.txt").write_text("broken")
    assert "new" in _run("rules", "apply", "rules").output
    assert set(configuration.keys) == {"rule:one", "rule:two"}
    assert "one  unchanged" in _run("rules", "apply", "rules").output
    assert configuration.writes[-1] == {}
    (folder / "two.yml").write_text("id: three\nmatch: lgo\n")
    refused = _run("rules", "apply", "rules").exception
    assert isinstance(refused, Permanent)
    assert "rules/two.yml:2:8: match is one of" in str(refused)
    (folder / "two.yml").write_text(_rule("one"))
    assert "the id 'one' is in rules/one.yaml too" in str(_run("rules", "apply", "rules").exception)
    assert len(configuration.writes) == 2


def test_slow_rules_are_told_of_and_bounded_as_the_stage_bounds_them(
    configuration: Configuration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADWATER_ALERTS__MAX_UNINDEXED", "2")
    slow, elsewhere = "match: log", f"match: log\nwhere: address == '{ALICE}'"
    for own in ("one", "two", "three"):
        (tmp_path / f"{own}.yaml").write_text(f"id: {own}\n{slow}\n")
    done = _run("rules", "apply", "one.yaml", "two.yaml")
    assert done.output.splitlines()[0].startswith("one.yaml:1:1: warning: this rule is tried with every log")
    assert set(configuration.keys) == {"rule:one", "rule:two"}
    # What stands counts, whatever the file has.
    refused = str(_run("rules", "apply", "three.yaml").exception)
    assert "rule three would be tried with every record of its kind, as 2 others are" in refused
    assert "alerts.max_unindexed" in refused
    together = _run("rules", "apply", *(f"{own}.yaml" for own in ("one", "two", "three")))
    assert "three.yaml:1:1: 2 rules before this one" in str(together.exception)
    assert len(configuration.writes) == 1
    # One of another chain takes no room on this one, and one that is looked up from now on gives its back.
    (tmp_path / "three.yaml").write_text(f"id: three\nchains: [elsewhere]\n{slow}\n")
    assert _run("rules", "apply", "three.yaml").exit_code == 0
    (tmp_path / "two.yaml").write_text(f"id: two\n{elsewhere}\n")
    (tmp_path / "four.yaml").write_text(f"id: four\n{slow}\n")
    assert _run("rules", "apply", "four.yaml", "two.yaml").exit_code == 0
    assert list(configuration.writes[-1]) == ["rule:two", "rule:four"]


def test_lists_that_a_condition_goes_over_are_bounded_by_a_setting(
    configuration: Configuration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = "uncles.exists(a, uncles.exists(b, a != b))"
    (tmp_path / "r.yaml").write_text(_rule("one", f'where: "{where}"'))
    assert _run("rules", "validate", "r.yaml").exit_code == 0
    assert _run("rules", "apply", "r.yaml").exit_code == 0
    monkeypatch.setenv("HEADWATER_ALERTS__MAX_ELEMENTS", "1000")
    refused = _run("rules", "validate", "r.yaml")
    assert refused.exit_code == 1
    assert "r.yaml:3:" in refused.output
    assert "alerts.max_elements" in refused.output
    assert "steps for a record" in str(_run("rules", "apply", "r.yaml").exception)


def test_rules_are_listed_and_removed(configuration: Configuration, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(_rule("one"))
    _run("rules", "apply", "r.yaml")
    (listed,) = orjson.loads(_run("rules", "list", "--json").output)
    expected = {"id": "one", "version": 1, "written_by": "ann@desk", "text": _rule("one")}
    assert listed.items() >= expected.items()
    failed = _run("rules", "remove", "two").exception
    assert isinstance(failed, Fatal)
    assert "in force: one" in str(failed)
    assert _run("rules", "remove", "one").exit_code == 0
    assert not configuration.keys


def test_the_list_says_what_the_stage_made_of_a_text(configuration: Configuration, tmp_path: Path) -> None:
    """A text that was refused was shown as one in force."""
    for own in ("taken", "refused", "waits"):
        (tmp_path / f"{own}.yaml").write_text(_rule(own))
        _run("rules", "apply", f"{own}.yaml")

    def listed() -> dict[str, str]:
        return {each["id"]: each["in_force"] for each in orjson.loads(_run("rules", "list", "--json").output)}

    assert listed() == dict.fromkeys(("taken", "refused", "waits"), "?")
    assert "?: what is shown is what was applied" in _run("rules", "list").output
    own = {"rule:taken": Adopted(1, _rule("taken"), 7, 0), "rule:refused": Adopted(0, "earlier", 7, 0)}
    configuration.stage = InForce(own, 3)
    assert listed() == {"taken": "yes", "refused": "no", "waits": "not yet"}
    assert "no: the alert stage refused the text" in _run("rules", "list").output
    configuration.stage = InForce(own, None)
    assert listed() == {"taken": "yes", "refused": "?", "waits": "?"}
    # What was refused is asked for again by the same command.
    configuration.stage = InForce(own, 3)
    assert "refused  changed" in _run("rules", "apply", "refused.yaml").output
    assert configuration.writes[-1] == {"rule:refused": _rule("refused")}
    assert listed()["refused"] == "not yet"


def test_the_list_of_rules_breaks_no_time_on_a_narrow_screen(
    configuration: Configuration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    own = "large-usdc-transfer-to-an-exchange.of-treasury"
    (tmp_path / "r.yaml").write_text(_rule(own))
    _run("rules", "apply", "r.yaml")
    configuration.keys[f"rule:{own}"] = replace(
        configuration.keys[f"rule:{own}"], by="deployment@headwater-rules-7d9f8b6c5-x2x4z"
    )
    output = _run("rules", "list").output
    assert "2023-11-14T22:13:20+00:00" in output
    assert max(map(len, output.splitlines())) <= 80


def test_a_rule_is_put_in_shadow_and_out_of_it(configuration: Configuration, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(_rule("one", "# why", "severity: low"))
    _run("rules", "apply", "r.yaml")
    assert _run("rules", "shadow", "one", "off").output == "one: its alerts are delivered\n"
    assert len(configuration.writes) == 1
    assert "stored and not delivered" in _run("rules", "shadow", "one", "on").output
    assert configuration.keys["rule:one"].value == "shadow: true\n" + _rule("one", "# why", "severity: low")
    assert "no: shadow" in _run("rules", "list").output
    assert _run("rules", "shadow", "one", "off").exit_code == 0
    assert configuration.keys["rule:one"].value == "shadow: false\n" + _rule("one", "# why", "severity: low")
    assert "in force: one" in str(_run("rules", "shadow", "two", "on").exception)


def test_a_list_becomes_what_the_file_says(configuration: Configuration, tmp_path: Path) -> None:
    file = tmp_path / "w.txt"
    file.write_text(f"# ours\n{ALICE.upper().replace('0X', '0x')} the treasury # since May\n\n{BOB}\n")
    assert "2 addresses" in _run("lists", "apply", "w", "w.txt").output
    assert {key: each.value for key, each in configuration.keys.items()} == {
        f"list:w:{ALICE}": "the treasury",
        f"list:w:{BOB}": "",
    }
    shown = _run("lists", "show", "w").output
    assert shown == f"{ALICE} the treasury\n{BOB}\n"
    file.write_text(f"{ALICE} the treasury\n")
    assert "0 new or changed, 1 taken out" in _run("lists", "apply", "w", "w.txt").output
    assert configuration.writes[-1] == {f"list:w:{BOB}": None}
    _run("lists", "add", "w", BOB, ALICE)
    assert configuration.writes[-1] == {f"list:w:{BOB}": ""}
    assert _run("lists", "show").output == "w  2\n"
    _run("lists", "remove", "w", ALICE)
    assert set(configuration.keys) == {f"list:w:{BOB}"}
    assert isinstance(_run("lists", "remove", "w", ALICE).exception, Fatal)


def test_labels_become_what_the_file_says(configuration: Configuration, tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text(f"{ALICE},Alice and sons\n{BOB} Bob\n")
    assert "2 labels" in _run("labels", "apply", "l.csv").output
    assert _run("labels", "list").output == f"{ALICE} Alice and sons\n{BOB} Bob\n"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (f"{ALICE} a\n0xab", "l.txt:2: '0xab' is not an address"),
        (f"{ALICE} a\n{ALICE} b", "l.txt:2: .* is there twice"),
        (ALICE, "l.txt:1: .* has no label"),
        (f"{ALICE} {'a' * 257}", "l.txt:1: 257 characters behind .*, 256 is the limit"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_line(
    configuration: Configuration, tmp_path: Path, line: str, problem: str
) -> None:
    (tmp_path / "l.txt").write_text(line)
    done = _run("labels", "apply", "l.txt")
    with pytest.raises(Fatal, match=problem):
        raise done.exception
    assert not configuration.writes


@pytest.mark.parametrize("name", ["", "Exchanges", "a:b", "1st", "a-b"])
def test_a_list_has_a_name_that_rules_can_write(configuration: Configuration, name: str) -> None:
    assert isinstance(_run("lists", "show", name).exception, Fatal)
