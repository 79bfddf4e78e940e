"""Workers on real Kafka: poison, holes, members that come and go, and a worker that was paused and woke."""

from __future__ import annotations

import signal

from confluent_kafka import KafkaException, TopicPartition

from headwater import kafka as clients
from headwater.settings import Settings
from tests.builders.stage_events import envelope, value_of
from tests.integration.echo_stage import POISON
from tests.integration.waiting import until
from tests.integration.worker_process import ECHO, committed, members, messages, written
from tests.integration.workers.feed import SESSION_MS, Feed, Start
from tests.integration.workers.paused import wakes
from topics.catalog import app_id, topic_name
from topics.chainlog.envelope import read_envelope


def _blocks(settings: Settings, first: int, last: int) -> None:
    feed = Feed(settings, "normalized-blocks")
    for number in range(first, last + 1):
        feed.write(value_of(envelope(1_000 + number, number=number), "normalized-blocks")[5:], 1_000 + number)
    feed.flush()


def _accepted(settings: Settings) -> list[int]:
    """What a reader that follows the rules takes from enriched-blocks."""
    accepted: list[int] = []
    for message in messages(settings, "enriched-blocks"):
        sequence = read_envelope(message.value or b"", "enriched-blocks").sequence
        if not accepted or sequence == accepted[-1] + 1:
            accepted.append(sequence)
        assert sequence <= accepted[-1], f"a hole before {sequence}"
    return accepted


def test_poison_goes_to_the_dead_letters_and_the_stream_goes_on(settings: Settings, start: Start) -> None:
    worker = start(ECHO)
    _blocks(settings, 1, POISON + 1)
    feed = Feed(settings, "normalized-blocks")
    feed.write(b"\xff\xff no event of this chain")
    feed.flush()
    _blocks(settings, POISON + 2, 20)
    until(lambda: committed(settings, "enrich", "normalized-blocks") == 21, "everything is acknowledged")
    worker.signal(signal.SIGTERM)
    assert worker.exit_code() == 0, worker.logged()

    assert _accepted(settings) == [1_000 + number for number in range(1, 21)]
    letters = messages(settings, "dead-letters")
    originals = messages(settings, "normalized-blocks")
    assert [letter.value for letter in letters] == [originals[POISON - 1].value, originals[POISON + 1].value]
    for letter, offset in zip(letters, (POISON - 1, POISON + 1), strict=True):
        headers = dict(letter.headers)
        assert letter.key == b"1"
        assert headers["__connect.errors.topic"].decode() == topic_name(settings, "normalized-blocks")
        assert headers["__connect.errors.offset"] == b"%d" % offset
        assert headers["__connect.errors.stage"] == b"enrich"
    public = [message.value or b"" for message in messages(settings, "transactions")]
    assert sorted(public).count(b"placeholder %d" % (1_000 + POISON)) == 1
    assert len(public) == 20
    # The coverage speaks of where the block's messages landed.
    ends = {m.key: f"{m.partition}:{m.offset + 1}" for m in messages(settings, "transactions")}
    for message in messages(settings, "coverage"):
        assert (message.value or b"").decode() == ends[message.key]


def test_at_a_hole_in_the_sequence_the_worker_goes_no_further_and_says_so(
    settings: Settings, start: Start
) -> None:
    _blocks(settings, 1, 3)
    _blocks(settings, 5, 6)
    worker = start(ECHO)
    until(
        lambda: "sequence 1004 is missing, also from the topic itself" in worker.logged(), "it says what is"
    )
    assert worker.alive
    worker.signal(signal.SIGTERM)
    assert worker.exit_code() == 0, worker.logged()
    assert _accepted(settings) == [1_001, 1_002, 1_003]


def test_a_lost_position_is_read_again_without_a_hole(settings: Settings, start: Start) -> None:
    """Offsets that someone moved forward look like a gap: the worker reads the topic itself."""
    _blocks(settings, 1, 5)
    worker = start(ECHO)
    until(lambda: committed(settings, "enrich", "normalized-blocks") == 5, "five are done")
    worker.signal(signal.SIGTERM)
    assert worker.exit_code() == 0
    _blocks(settings, 6, 12)
    _move(settings, 9)
    worker = start(ECHO)
    until(lambda: len(_accepted(settings)) == 12, "all are there")
    assert "gap in the sequence" in worker.logged()


def test_a_group_that_remembers_nothing_begins_with_the_oldest_message(
    settings: Settings, start: Start
) -> None:
    """Wherever the group is said to go on: before the first event of all no gap would tell."""
    _blocks(settings, 1, 20)
    _move(settings, 14)
    worker = start(ECHO)
    until(lambda: committed(settings, "enrich", "normalized-blocks") == 20, "everything is acknowledged")
    assert worker.alive, worker.logged()
    assert _accepted(settings) == [1_000 + number for number in range(1, 21)]


def test_members_come_and_go_in_the_middle_of_work(settings: Settings, start: Start) -> None:
    """Rebalances give the partition away and back; nothing is lost, and no reader sees a hole."""
    _blocks(settings, 1, 150)
    first = start(ECHO)
    until(lambda: written(settings, "transactions") > 20, "it is at work")
    second = start(ECHO)
    until(lambda: members(settings, "enrich") == 2, "both are members")
    _blocks(settings, 151, 250)
    second.signal(signal.SIGTERM)
    assert second.exit_code() == 0, second.logged()
    _blocks(settings, 251, 300)
    until(lambda: committed(settings, "enrich", "normalized-blocks") == 300, "everything is acknowledged")
    assert first.alive, first.logged()
    first.signal(signal.SIGTERM)
    assert first.exit_code() == 0, first.logged()
    assert _accepted(settings) == [1_000 + number for number in range(1, 301)]
    assert {message.key for message in messages(settings, "transactions")} == {
        b"%d" % number for number in range(1, 301)
    }


def _move(settings: Settings, offset: int) -> None:
    place = TopicPartition(topic_name(settings, "normalized-blocks"), 0, offset)
    client = clients.consumer(settings, app_id(settings, "enrich"))

    def moved() -> bool:
        try:
            client.commit(offsets=[place], asynchronous=False)
        except KafkaException:
            return False  # the static member that just left still counts
        return True

    until(moved, "the group is empty", SESSION_MS / 1000 + 20)
    client.close()


def test_a_worker_that_was_paused_changes_nothing(settings: Settings, start: Start) -> None:
    _blocks(settings, 1, 300)
    wakes(settings, start, ECHO, "enrich", "normalized-blocks", "transactions", 300)
    assert _accepted(settings) == [1_000 + number for number in range(1, 301)]
