"""Whether listeners fight over a chain is told by their CLAIMs."""

from __future__ import annotations

import pytest

from streams.runtime.takeovers import Takeovers


@pytest.mark.parametrize(
    ("claims", "again"),
    [
        pytest.param("aaa", "", id="renewed, and started again in its place"),
        pytest.param("abc", "", id="three deploys"),
        pytest.param("abab", "ab", id="two that fight"),
        pytest.param("axaya", "aa", id="one of them has another name each time"),
    ],
)
def test_one_that_had_lost_the_chain_and_has_it_again_is_counted(claims: str, again: str) -> None:
    subject = Takeovers()
    assert [each for offset, each in enumerate(claims) if subject.claimed(each, offset)] == list(again)


def test_a_process_that_ended_comes_back_by_its_machine() -> None:
    subject = Takeovers()
    names = [f"headwater-{pod}-{process}" for process, pod in enumerate(("m-0", "m-0", "n-1", "m-0", "n-1"))]
    assert [subject.claimed(name, offset) for offset, name in enumerate(names)] == [False] * 3 + [True] * 2


def test_what_is_read_again_is_not() -> None:
    subject = Takeovers()
    assert [subject.claimed(source, offset) for source, offset in (("a", 1), ("b", 5), ("a", 1))] == [
        False
    ] * 3


def test_sources_without_end_take_no_memory_without_end() -> None:
    subject = Takeovers()
    assert not any(subject.claimed(str(number), number) for number in range(1_000))
    assert not subject.claimed("0", 1_000)
    assert subject.claimed("999", 1_001)
