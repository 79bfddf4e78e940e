"""What `headwater up` puts in place by itself, over its starts and whatever its user does between."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from headwater.errors import Fatal
from sandbox.stack.builtin import WrittenTexts, carry_out

BUILTIN = {"a": "a 1", "b": "b 1"}


class Stack:
    """A topic and a data directory that several starts have in common."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.standing: dict[str, str] = {}
        self.writes = 0

    def start(
        self, builtin: Mapping[str, str] = BUILTIN, named: Mapping[str, str] | None = None
    ) -> dict[str, str]:
        carry_out(WrittenTexts(self.directory, "rules"), builtin, named, dict(self.standing), self.write)
        return self.standing

    def write(self, changes: Mapping[str, str | None]) -> None:
        self.writes += len(changes)
        for own, text in changes.items():
            if text is None:
                del self.standing[own]
            else:
                self.standing[own] = text


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return Stack(tmp_path)


def test_a_second_start_writes_nothing(stack: Stack) -> None:
    assert stack.start() == BUILTIN
    assert stack.start() == BUILTIN
    assert stack.writes == len(BUILTIN)


def test_what_the_user_changed_added_or_took_out_stays_as_he_left_it(stack: Stack) -> None:
    stack.start()
    stack.standing = {"a": "his a", "his": "own"}
    assert stack.start() == {"a": "his a", "his": "own"}
    assert stack.start({"a": "a 2", "b": "b 2"}) == {"a": "his a", "his": "own"}


def test_a_rule_of_his_under_an_id_that_was_never_written_stays(stack: Stack) -> None:
    stack.standing = {"a": "his a"}
    assert stack.start() == {"a": "his a", "b": "b 1"}


def test_a_later_version_changes_and_takes_out_its_own(stack: Stack) -> None:
    stack.start()
    assert stack.start({"a": "a 2", "c": "c 1"}) == {"a": "a 2", "c": "c 1"}


def test_what_is_named_takes_the_place_of_what_is_built_in_and_of_nothing_else(stack: Stack) -> None:
    stack.start()
    stack.standing |= {"his": "own", "x": "old x"}
    named = {"x": "new x", "b": "his b"}
    assert stack.start(named=named) == {"his": "own", **named}
    assert stack.start(named=named) == {"his": "own", **named}
    # Without a name the built-in ones are back; what he named stays.
    assert stack.start() == {"his": "own", **named, "a": "a 1"}


def test_a_kill_at_any_write_costs_nothing(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*words: object) -> None:
        raise KeyboardInterrupt

    for where, name in ((WrittenTexts, "write"), (stack, "write")):
        for named in (None, {"x": "x"}):
            with monkeypatch.context() as patch:
                patch.setattr(where, name, killed)
                with pytest.raises(KeyboardInterrupt):
                    stack.start(named=named)
            assert stack.start(named={"x": "x"}) == {"x": "x"}
            assert stack.start() == {"x": "x", **BUILTIN}


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    texts = WrittenTexts(tmp_path, "rules")
    texts.write({"a": "b"})
    WrittenTexts(tmp_path, "channels").write({"c": "d"})
    assert texts.read() == {"a": "b"}
    (tmp_path / "builtin.json").write_text("[]")
    with pytest.raises(Fatal, match=r"builtin\.json is damaged"):
        texts.read()
