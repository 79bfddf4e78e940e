"""A dead letter says the same, whoever wrote it, and its row in ClickHouse has all of that."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from connectors.clickhouse.sink.dead_letters import DeadLetters
from connectors.clickhouse.sink.messages import Bad
from connectors.clickhouse.sink.rows import DeadLetterRows
from headwater.errors import Permanent
from streams.runtime.assembler import Incoming
from streams.runtime.dead_letter import dead_letters
from tests.fakes.kafka import FakeMessage
from topics import dead_letters as names

OWN = (("sequence", b"7"), ("chain-id", b"1"))
ERROR = Permanent("block 7: field gas is missing", remedy="ask another node")


def of_a_stage() -> Sequence[tuple[str, bytes]]:
    (letter,) = dead_letters((Incoming("local.raw.v1", 2, 9, b"1", b"value", OWN),), "normalize", ERROR)
    assert (letter.stream, letter.keys, letter.values) == (names.STREAM, [b"1"], [b"value"])
    return letter.headers


def of_the_sink() -> Sequence[tuple[str, bytes]]:
    sent: list[tuple[str, bytes]] = []

    class Producer:
        def produce(
            self, topic: str, value: object, key: object, *, headers: Sequence[tuple[str, bytes]], **_: object
        ) -> None:
            sent.extend(headers)

        def flush(self, timeout: float) -> int:
            return 0

    letters = DeadLetters(Producer(), "dead", None, "local")  # type: ignore[arg-type]
    with pytest.raises(Exception, match="did not acknowledge"):
        letters.send([Bad(FakeMessage("local.raw.v1", 2, 9, b"value", b"1", OWN), ERROR)])
    return sent


@pytest.mark.parametrize(("written", "stage"), [(of_a_stage, b"normalize"), (of_the_sink, b"sink")])
def test_its_headers_are_of_the_one_list_and_its_row_has_them(written: object, stage: bytes) -> None:
    assert callable(written)
    headers = dict(written())
    constants = [value for value in vars(names).values() if isinstance(value, str)]
    listed = {each for each in constants if each.startswith(names.PREFIX) and each != names.PREFIX}
    assert {name for name in headers if name.startswith(names.PREFIX)} == listed
    assert headers[names.STAGE] == stage
    row = DeadLetterRows().columns([FakeMessage("dead", 0, 0, b"value", b"1", tuple(headers.items()))])
    letter_headers = {
        name: row[name][0] for name in ("topic", "partition", "offset", "stage", "error_message", "headers")
    }
    assert letter_headers == {
        "topic": b"local.raw.v1",
        "partition": 2,
        "offset": 9,
        "stage": stage,
        "error_message": b"block 7: field gas is missing; ask another node",
        "headers": dict(OWN),
    }
