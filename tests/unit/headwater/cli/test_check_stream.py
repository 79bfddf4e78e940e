"""What the command prints and leaves with; the check itself is tried elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

import pytest
from typer.testing import CliRunner, Result

from audit.stream_check.algebra.finding import Finding
from audit.stream_check.algebra.fold import StreamCheck
from audit.stream_check.algebra.record import Record
from headwater.cli import build, check_stream
from headwater.errors import Fatal
from tests.builders.public_topics import PARTITIONS, live


class FakeSession:
    """A check of given records."""

    to_read = 1
    has_read = 1
    seconds = 0.5

    def __init__(self, records: Iterable[Record], report: Callable[[Finding], object]) -> None:
        self.check = StreamCheck(PARTITIONS, report)
        self.run = self
        self.progress: Callable[[], object] = lambda: None
        self.closed = False
        self._records = records

    def range(self) -> None:
        for record in self._records:
            self.check.add(record)
        self.progress()
        self.check.settle()

    def round(self) -> None:
        raise KeyboardInterrupt

    def close(self) -> None:
        self.closed = True


def invoked(monkeypatch: pytest.MonkeyPatch, records: Iterable[Record], *words: str) -> Result:
    def opened(_: object, report: Callable[[Finding], object], **options: object) -> FakeSession:
        return FakeSession(records, report)

    monkeypatch.setattr(check_stream, "opened", opened)
    return CliRunner().invoke(build(["check-stream"]), ["check-stream", *words])


def records() -> list[Record]:
    topics = live(1, 10, failures=False).topics
    return [record for partition in topics.values() for record in partition]


def test_a_correct_stream_leaves_with_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    done = invoked(monkeypatch, records())
    assert done.exit_code == 0, done.output
    assert "10 events judged" in done.output
    assert "The topics keep their promises." in done.output


def test_a_finding_names_block_sequence_and_place(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = next(each for each in records() if each.position.stream == "blocks")
    left = [
        each
        for each in records()
        if not (each.position.stream == "blocks" and each.sequence == gone.sequence)
    ]
    done = invoked(monkeypatch, left)
    assert done.exit_code == 1
    assert "no-block" in done.output
    assert str(gone.sequence) in done.output
    done = invoked(monkeypatch, left, "--json")
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    finding = told["findings"][0]
    assert told["clean"] is False
    assert finding["block_hash"] == f"0x{gone.block_hash.hex()}"
    assert finding["sequences"] == [gone.sequence]
    assert finding["places"][0]["stream"] == "coverage"


def test_following_tells_each_finding_at_once_and_ends_by_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    left = [each for each in records() if each.position.stream != "contracts"]
    done = invoked(monkeypatch, left, "--follow", "--json")
    assert done.exit_code == 1
    *told, summary = map(json.loads, done.stdout.splitlines())
    assert {each["kind"] for each in told} >= {"count"}
    assert summary["found"] == len(told)
    assert summary["findings"] == []
    assert invoked(monkeypatch, records(), "--follow").exit_code == 0


def test_nothing_to_judge_is_not_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    done = invoked(monkeypatch, [])
    assert done.exit_code == 3
    assert "Nothing was judged" in done.output


def test_what_cannot_be_told_is_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*_: object, **options: object) -> FakeSession:
        raise Fatal("there is no topic local.blocks.v1", remedy="`headwater topics apply` makes it")

    monkeypatch.setattr(check_stream, "opened", opened)
    done = CliRunner().invoke(build(["check-stream"]), ["check-stream"])
    assert done.exit_code == 3
    assert "there is no topic" in done.stderr


@pytest.mark.parametrize(
    "words", [("--all", "--since", "1h"), ("--to-block", "4"), ("--from-block", "5", "--to-block", "4")]
)
def test_ranges_that_contradict_themselves_are_refused(
    monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    done = invoked(monkeypatch, [], *words)
    assert done.exit_code == 2
