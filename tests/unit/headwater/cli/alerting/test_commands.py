"""`headwater rules`, `lists` and `labels` over a configuration in memory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from headwater.cli import build
from headwater.cli.alerting import rules, topic
from headwater.cli.alerting.topic import Written
from headwater.errors import Fatal, Permanent
from headwater.settings import Settings

ALICE, BOB = "0x" + "aa" * 20, "0x" + "bb" * 20


class Configuration:
    """The topic: `current` and `write` in place of the real ones."""

    def __init__(self) -> None:
        self.keys: dict[str, Written] = {}
        self.writes: list[Mapping[str, str | None]] = []

    def current(self, settings: Settings, prefix: str = "") -> dict[str, Written]:
        return {key: each for key, each in self.keys.items() if key.startswith(prefix)}

    def write(self, settings: Settings, changes: Mapping[str, str | None]) -> None:
        self.writes.append(dict(changes))
        for key, value in changes.items():
            if value is None:
                self.keys.pop(key)
            else:
                self.keys[key] = Written(len(self.writes), value, 1_700_000_000_000, "ann@desk")


def _rules_of(source: str, name: str) -> list[tuple[str, str]]:
    if "broken" in source:
        raise Permanent(f"{name}: line 1, column 1: broken")
    return [(line.removeprefix("id: "), line) for line in source.splitlines()]


@pytest.fixture
def configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Configuration:
    made = Configuration()
    monkeypatch.setattr(topic, "current", made.current)
    monkeypatch.setattr(topic, "write", made.write)
    monkeypatch.setattr(rules, "rules_of", _rules_of)
    monkeypatch.chdir(tmp_path)
    return made


def _run(*words: str) -> Any:
    return CliRunner().invoke(build(words), list(words))


def test_rules_are_applied_whole_or_not_at_all(configuration: Configuration, tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "one.yaml").write_text("id: one\nid: two")
    (folder / "notes.txt").write_text("broken")
    assert "new" in _run("rules", "apply", "rules").output
    assert set(configuration.keys) == {"rule:one", "rule:two"}
    assert "one  unchanged" in _run("rules", "apply", "rules").output
    assert configuration.writes[-1] == {}
    (folder / "two.yml").write_text("broken")
    assert isinstance(_run("rules", "apply", "rules").exception, Permanent)
    (folder / "two.yml").write_text("id: one")
    assert isinstance(_run("rules", "apply", "rules").exception, Fatal)
    assert len(configuration.writes) == 2


def test_rules_are_listed_and_removed(configuration: Configuration, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("id: one")
    _run("rules", "apply", "r.yaml")
    (listed,) = orjson.loads(_run("rules", "list", "--json").output)
    expected = {"id": "one", "version": 1, "written_by": "ann@desk", "text": "id: one"}
    assert listed.items() >= expected.items()
    assert "one" in _run("rules", "list").output
    failed = _run("rules", "remove", "two").exception
    assert isinstance(failed, Fatal)
    assert "in force: one" in str(failed)
    assert _run("rules", "remove", "one").exit_code == 0
    assert not configuration.keys


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
        (f"{ALICE} a\n0xab", "l.txt:2: '0xab' is no address"),
        (f"{ALICE} a\n{ALICE} b", "l.txt:2: .* is there twice"),
        (ALICE, "l.txt:1: .* has no label"),
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
