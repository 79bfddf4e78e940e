"""`headwater rules validate`: what is told of files, and the exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from headwater.cli import build
from headwater.errors import Fatal
from tests.paths import ROOT

SOUND = "id: a\nmatch: log\nwhere: address in lists.watched && data != '0x'\n"
EXAMPLES = sorted((ROOT / "examples" / "rules").glob("*.yaml"))


def validate(*words: object) -> Result:
    line = ["rules", "validate", *map(str, words)]
    return CliRunner().invoke(build(line), line)


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_sound_rules() -> None:
    done = validate(*EXAMPLES)
    assert done.exit_code == 0
    assert done.output == "12 rules are sound\n"


def test_problems_are_told_with_their_place(tmp_path: Path) -> None:
    path = written(tmp_path, "a.yaml", SOUND + "severty: low\ntitle: '{{ addres }}'\n")
    done = validate(path)
    assert done.exit_code == 1
    first, second = done.output.splitlines()
    assert first.startswith(f"{path}:4:1: 'severty' is not a key of a rule; did you mean 'severity'?")
    assert second == f"{path}:5:9: 'addres' is not a field; did you mean 'address'?"


def test_a_slow_rule_is_a_warning_and_no_problem(tmp_path: Path) -> None:
    path = written(tmp_path, "a.yaml", "id: a\nmatch: log\nwhere: data != '0x'\n")
    done = validate(path)
    assert done.exit_code == 0
    assert f"{path}:3:8: warning: this rule is tried with every log" in done.output
    assert "1 rule is sound" in done.output


def test_more_slow_rules_than_a_chain_bears_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADWATER_ALERTS__MAX_UNINDEXED", "2")
    rules = [
        f"- {{id: {own}, chains: [{own[0]}], match: log, where: data != '0x'}}" for own in ("a1", "b1", "a2")
    ]
    path = written(tmp_path, "a.yaml", "\n".join(rules))
    assert validate(path).exit_code == 0
    written(tmp_path, "a.yaml", "\n".join([*rules, "- {id: c, match: contract-creation}"]))
    done = validate(path)
    assert done.exit_code == 1
    assert done.output.startswith(f"{path}:4:3: 2 rules before this one are tried with every record")


def test_an_id_is_in_one_file(tmp_path: Path) -> None:
    one, other = written(tmp_path, "a.yaml", SOUND), written(tmp_path, "b.yaml", SOUND)
    done = validate(one, other)
    assert done.exit_code == 1
    assert done.output == f"{other}:1:1: the id 'a' is in {one} too\n"


def test_json(tmp_path: Path) -> None:
    sound = written(tmp_path, "a.yaml", SOUND)
    wrong = written(tmp_path, "b.yaml", "id: b\nmatch: lgo\n")
    done = validate("--json", sound, wrong)
    assert done.exit_code == 1
    report = json.loads(done.output)
    assert not report["ok"]
    assert report["rules"] == [
        {
            "file": str(sound),
            "id": "a",
            "match": "log",
            "severity": "medium",
            "lists": ["watched"],
            "looked_up_by": ["address"],
        }
    ]
    (problem,) = report["problems"]
    assert (problem["file"], problem["line"], problem["column"]) == (str(wrong), 2, 8)
    assert report["warnings"] == []


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing, binary = tmp_path / "no.yaml", tmp_path / "b.yaml"
    binary.write_bytes(b"id: \xff")
    for path, part in ((missing, "No such file"), (binary, "not UTF-8, at byte 4")):
        done = validate(path)
        assert isinstance(done.exception, Fatal)
        assert str(path) in str(done.exception)
        assert part in str(done.exception)


@pytest.mark.parametrize("words", [("rules",), ("rules", "validate", "--help")])
def test_it_explains_itself(words: tuple[str, ...]) -> None:
    done = CliRunner().invoke(build(words), list(words))
    assert "validate" in done.output


def test_a_directory_stands_for_its_files(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yml"):
        written(tmp_path, name, f"id: {name[0]}\nmatch: block\n")
    written(tmp_path, "notes.txt", "no rule")
    done = validate(tmp_path)
    assert (done.exit_code, done.output) == (0, "2 rules are sound\n")
