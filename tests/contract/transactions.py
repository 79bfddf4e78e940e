"""What writers rely on in Kafka's transactions, whoever the brokers are: subclasses say which."""

from __future__ import annotations

from typing import Any, Final, Protocol

import pytest
from confluent_kafka import KafkaError, KafkaException

SECONDS: Final = 30.0
FENCED: Final = (KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.PRODUCER_FENCED)
Record = tuple[bytes | None, bytes | None]
"""Key and value."""


class Topics(Protocol):
    """One topic of one partition. `producer` makes one of a new process; `committed` reads the topic."""

    name: str

    def producer(self, transactional_id: str | None) -> Any: ...
    def committed(self) -> list[Record]: ...


class TransactionsContract:
    """Tests of transactions."""

    @pytest.fixture
    def topics(self) -> Topics:
        raise AssertionError("the subclass says which topics")

    def test_what_is_committed_is_there_in_order(self, topics: Topics) -> None:
        producer = topics.producer("own")
        producer.init_transactions(SECONDS)
        records: list[Record] = [(b"a", b"1"), (b"b", b"2"), (b"a", None)]
        for some in (records, records[:1]):
            producer.begin_transaction()
            for key, value in some:
                producer.produce(topics.name, value, key)
            producer.commit_transaction(SECONDS)
        assert topics.committed() == [*records, records[0]]

    def test_what_was_aborted_is_nowhere_and_the_next_transaction_is_its_own(self, topics: Topics) -> None:
        producer = topics.producer("own")
        producer.init_transactions(SECONDS)
        producer.begin_transaction()
        producer.produce(topics.name, b"1", b"a")
        producer.flush(SECONDS)
        producer.abort_transaction(SECONDS)
        producer.begin_transaction()
        producer.produce(topics.name, b"2", b"b")
        producer.commit_transaction(SECONDS)
        assert topics.committed() == [(b"b", b"2")]

    def test_what_is_open_is_aborted_by_the_next_owner_who_fences_the_one_before(
        self, topics: Topics
    ) -> None:
        first, other, second = (topics.producer(own) for own in ("own", "other", "own"))
        for each in (first, other):
            each.init_transactions(SECONDS)
            each.begin_transaction()
        first.produce(topics.name, b"1", b"a")
        assert first.flush(SECONDS) == 0
        second.init_transactions(SECONDS)
        with pytest.raises(KafkaException) as refused:
            first.commit_transaction(SECONDS)
        assert refused.value.args[0].code() in FENCED
        for number, each in enumerate((second, other)):
            if each is second:
                each.begin_transaction()
            each.produce(topics.name, b"%d" % number, b"b")
            each.commit_transaction(SECONDS)
        assert topics.committed() == [(b"b", b"0"), (b"b", b"1")]

    def test_without_a_transaction_it_is_there_once_it_is_flushed(self, topics: Topics) -> None:
        producer = topics.producer(None)
        producer.produce(topics.name, b"1", b"a")
        assert producer.flush(SECONDS) == 0
        assert len(producer) == 0
        assert topics.committed() == [(b"a", b"1")]
