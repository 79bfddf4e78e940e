"""Every line says which process of which chain it is of, and what it is about, whoever writes it."""

from __future__ import annotations

import asyncio
import logging as std_logging
import threading
from collections.abc import Mapping

import pytest

from headwater import logging
from tests.fakes.log_lines import configured, lines

PLACE = {"topic": "x.logs.v1", "partition": 3, "offset": 7, "sequence": 1}


def test_lines_of_other_threads_and_of_libraries_say_whose_they_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def work() -> None:
        logging.get_logger("headwater.test").warning("ours")
        std_logging.getLogger("some.library").warning("theirs")

    with configured("sink", "base"):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert [(each["event"], each["role"], each["chain"]) for each in lines(capsys)] == [
        ("ours", "sink", "base"),
        ("theirs", "sink", "base"),
    ]


def test_a_line_says_what_it_is_about_and_the_next_one_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.get_logger("headwater.test")
    with configured("sink", "base"):
        with logging.about(lambda: {**PLACE, "trace_id": None}):
            log.warning("inside", offset=8)
            std_logging.getLogger("some.library").warning("inside too")
        log.warning("after")
    inside, library, after = lines(capsys)
    assert {name: inside.get(name) for name in PLACE} == PLACE | {"offset": 8}
    assert {name: library.get(name) for name in PLACE} == PLACE
    assert "trace_id" not in inside
    assert "topic" not in after


def test_nothing_is_asked_for_while_nothing_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[str] = []

    def fields() -> Mapping[str, object]:
        asked.append("")
        return PLACE

    log = logging.get_logger("headwater.test")
    with configured("sink"):
        with logging.about(fields):
            log.debug("not written at this level")
        assert asked == []
        with logging.about(fields):
            log.warning("written")
    assert len(asked) == 1
    assert lines(capsys)[0]["topic"] == PLACE["topic"]


def test_within_another_only_the_inner_one_holds_and_the_outer_one_again_behind_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = logging.get_logger("headwater.test")
    with configured("sink"), logging.about(lambda: {**PLACE, "messages": 9}):
        with logging.about(lambda: {"topic": "other"}):
            log.warning("inner")
        log.warning("outer")
    inner, outer = lines(capsys)
    assert (inner["topic"], inner.get("offset"), inner.get("messages")) == ("other", None, None)
    assert (outer["topic"], outer["offset"], outer["messages"]) == ("x.logs.v1", 7, 9)


def test_a_task_is_about_what_it_was_begun_for(capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.get_logger("headwater.test")

    async def begun() -> None:
        with logging.about(lambda: PLACE):
            task = asyncio.create_task(asyncio.to_thread(log.warning, "in the task's thread"))
        log.warning("beside it")
        await task

    with configured("listen"):
        asyncio.run(begun())
    assert {each["event"]: each.get("offset") for each in lines(capsys)} == {
        "beside it": None,
        "in the task's thread": 7,
    }


def test_the_form_for_people_names_a_message_as_errors_do(capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.get_logger("headwater.test")
    with configured("sink", form="human"):
        with logging.about(lambda: {**PLACE, "trace_id": "ab" * 16}):
            log.warning("row sent to the dead letters")
        log.warning("a whole partition", topic="x.logs.v1", partition=3)
    message, partition = capsys.readouterr().err.splitlines()
    assert "at=x.logs.v1[3]@7" in message
    assert "sequence=1" in message
    assert f"trace_id={'ab' * 16}" in message
    assert "topic=" not in message
    assert "at=x.logs.v1[3]" in partition
