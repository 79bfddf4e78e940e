"""`headwater replay` and `verify --repair` without Kafka: options, exit codes, what is printed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from typer.testing import CliRunner

from audit.repair.block import NoBlock
from audit.repair.history import Became, Fate
from audit.repair.plan import Ask, Found
from audit.repair.survey import Survey
from connectors.evm.repair.request import BlockName
from headwater.cli import build, repairs
from headwater.cli import replay as command
from headwater.cli.repairs import Asked, conclusion, exit_code
from headwater.errors import Fatal
from tests.builders.repairs import BLOCK, letter, published, refused

ASK = Ask(BLOCK, False, "enrich: two logs of one index", letter().original, 1)
OPEN = Survey([Found(letter(), BLOCK, Became(Fate.OPEN))], [])


def run(*words: str) -> Any:
    return CliRunner().invoke(build(words), list(words), env={"COLUMNS": "300"})


@pytest.fixture
def surveyed(monkeypatch: pytest.MonkeyPatch) -> list[Survey]:
    """What is found, to be changed by a test; making requests fails unless the test says otherwise."""
    found = [OPEN]
    monkeypatch.setattr(command, "survey", lambda *_: found[0])

    def not_made(*_: object, **__: object) -> None:
        raise AssertionError("a dry run asked")

    monkeypatch.setattr(repairs, "made", not_made)
    return found


def test_a_dry_run_asks_nothing_and_says_so(surveyed: list[Survey]) -> None:
    done = run("replay")
    assert done.exit_code == 2, done.output
    assert "two logs of one index" in done.output
    assert "nobody asked" in done.output
    assert "Nothing was asked: --yes asks for these blocks." in done.output
    done = run("replay", "--json")
    found = json.loads(done.output)
    assert (done.exit_code, found["asked"]) == (2, False)
    assert [each["became"] for each in found["letters"]] == ["OPEN"]
    assert found["requests"] == [Asked(ASK).for_scripts()]
    assert found["requests"][0]["request_id"] is None


def test_errors_are_shown_as_they_are(surveyed: list[Survey]) -> None:
    odd = "at [/data] [bold]x[0]: {'a': [1]}"
    found = Found(letter(error=odd), BLOCK, Became(Fate.REFUSED, odd))
    surveyed[0] = Survey([found], [(letter(error=odd), NoBlock(odd, odd))])
    done = run("replay")
    assert done.exit_code == 2, done.output
    assert done.output.count("[/data]") == 6
    assert done.output.count("[bold]x[0]") == 6


def test_nothing_to_ask_is_no_failure(surveyed: list[Survey]) -> None:
    surveyed[0] = Survey([Found(letter(), BLOCK, Became(Fate.PUBLISHED, "sequence 9"))], [])
    done = run("replay", "--yes")
    assert done.exit_code == 0, done.output
    assert "published: sequence 9" in done.output
    assert "--again asks anyway" in done.output
    surveyed[0] = Survey([], [(letter(), NoBlock("its bytes cannot be read", "find out who writes them"))])
    done = run("replay")
    assert done.exit_code == 0
    assert "find out who writes them" in done.output
    assert "1 letters name no block" in run("replay", "--from", "3").output
    surveyed[0] = Survey([], [])
    assert "there is no such dead letter" in run("replay").output


def test_what_is_asked_is_waited_for_unless_told(
    surveyed: list[Survey], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[Sequence[Ask], float | None]] = []

    def made(_: object, asks: Sequence[Ask], *, patience: float | None, quiet: bool) -> list[Asked]:
        calls.append((asks, patience))
        return [Asked(ask, "id", None if patience is None else published("id", 9)) for ask in asks]

    monkeypatch.setattr(repairs, "made", made)
    done = run("replay", "--yes", "--patience", "7")
    assert done.exit_code == 0, done.output
    assert "published, sequence 9" in done.output
    done = run("replay", "--yes", "--no-wait", "--json")
    assert done.exit_code == 0
    assert json.loads(done.output)["requests"][0]["request_id"] == "id"
    assert calls == [([ASK], 7.0), ([ASK], None)]


def test_a_block_named_by_number_is_asked_for_without_a_letter(
    surveyed: list[Survey], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADWATER_CHAIN__CHAIN_ID", "5")
    done = run("replay", "--block", "45", "--block", str(BLOCK.number), "--json")
    asked = [(each["block_number"], each["block_hash"]) for each in json.loads(done.output)["requests"]]
    assert asked == [(44, f"0x{'44' * 32}"), (45, None)]
    # Filters of letters choose letters: nothing is asked that they do not name.
    done = run("replay", "--block", "45", "--stage", "enrich", "--json")
    assert [each["block_number"] for each in json.loads(done.output)["requests"]] == [44]


def test_a_range_is_asked_for_with_letters_or_without(
    surveyed: list[Survey], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADWATER_CHAIN__CHAIN_ID", "5")
    done = run("replay", "--from", "43", "--to", "45", "--every", "--json")
    asked = [(each["block_number"], each["block_hash"]) for each in json.loads(done.output)["requests"]]
    assert (done.exit_code, asked) == (2, [(44, f"0x{'44' * 32}"), (43, None), (45, None)])
    # Without it a range chooses among the letters.
    done = run("replay", "--from", "43", "--to", "45", "--json")
    assert [each["block_number"] for each in json.loads(done.output)["requests"]] == [44]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--reason", "("), "is not a regular expression"),
        (("--topic", "log"), "unknown stream log"),
        (("--stage", "enrcih"), "known: normalize, enrich, state, aggregate, alert, sink"),
        (("--since", "soon"), "--since soon is not a time"),
        (("--until", "soon"), "--until soon is not a time"),
        (("--block", "0x12"), "neither a number nor a block's hash"),
        (("--from", "5", "--to", "4"), "no blocks from 5 to 4"),
        (("--from", "5", "--every"), "--every goes with --from and --to"),
        (("--from", "5", "--to", "10005", "--every"), "10,001 blocks are too many"),
        (("--from", "5", "--to", "6", "--every", "--stage", "sink"), "leave the choice of letters out"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(
    surveyed: list[Survey], words: Sequence[str], problem: str
) -> None:
    done = run("replay", *words)
    assert isinstance(done.exception, Fatal)
    assert problem in str(done.exception)


@pytest.mark.parametrize("words", [("--yes",), ("--no-wait",), ("--repair", "--no-wait")])
def test_verify_asks_only_when_told_twice(words: Sequence[str]) -> None:
    done = run("verify", *words)
    assert isinstance(done.exception, Fatal)
    assert "--yes goes with --repair" in str(done.exception)


def test_help_tells_exit_codes_and_examples() -> None:
    text = run("replay", "--help").output
    assert "Exit codes: 0" in text
    assert "headwater replay --stage enrich --since 2h --yes" in text
    assert "its content from a node" in run("verify", "--help").output


def test_exit_codes_tell_scripts_what_became_of_the_requests() -> None:
    ok, no, silent = (
        Asked(ASK, "a", published("a")),
        Asked(ASK, "b", refused("b")),
        Asked(ASK, "c"),
    )
    assert exit_code([], waited=True) == 0
    assert exit_code([ok], waited=True) == 0
    assert exit_code([ok, no, silent], waited=True) == 1
    assert exit_code([ok, silent], waited=True) == 3
    assert exit_code([silent], waited=False) == 0
    text = conclusion([ok, no, silent], waited=True)
    assert "3 requests: 1 published; 1 refused" in text
    assert "does `headwater listen` of this chain run" in text
    assert conclusion([silent], waited=False).startswith("1 request in repair-requests.")


def test_scripts_get_the_outcome() -> None:
    found = Asked(ASK, "a", published("a", 9)).for_scripts()
    assert found["outcome"] == {
        "outcome": "PUBLISHED",
        "sequence": 9,
        "removed": False,
        "source": "raw-blocks",
        "problem": None,
    }
    assert found["original"] == "c.normalized-blocks.v1[0]@0"
    assert Asked(Ask(BlockName(1, 2, None), True, "")).for_scripts()["block_hash"] is None
