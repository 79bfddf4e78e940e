"""What the listener publishes, `normalize` takes: blocks bent field by field, of the builders and of chains.

Each field of each kind of record is left out, nulled, emptied, given another type, another form of the same
value, another value, or a companion that nobody models. The listener refuses the answer before anything is
published, in a line, or the block is normalised whole.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.evm.blocks.checks import Verifier
from connectors.evm.blocks.decode import ShapeError
from connectors.evm.blocks.errors import CheckError
from connectors.evm.blocks.roots import RootChecks
from headwater.evm.answers.canonical import DEEPEST
from headwater.evm.answers.shapes import EXTRA
from headwater.evm.bloom import Bloom
from tests.builders.chain_answers import TOKEN, block, log, receipt, transaction
from tests.builders.published import checked, taken
from tests.conformance.real_blocks import answer, cases

Record = dict[str, Any]
Answers = tuple[Record, list[Record]]
# As a chain is set up that hashes otherwise, and whose blooms do not hold: the model alone is in the way.
VERIFIERS = [
    Verifier(Bloom(), header_hash=False, logs_bloom=False, gas_used=False),
    Verifier(Bloom(), header_hash=False),
    Verifier(Bloom(), header_hash=False, log_indexes="transaction"),
]
# Nearly all that is bent is refused by it: none of it may be a crash.
STRICT = Verifier(Bloom(), header_hash=False, logs_bloom=False, gas_used=False, roots=RootChecks(Bloom()))


def made() -> Answers:
    """A block with each kind of list that a record can hold."""
    signed = {"chainId": "0x1", "address": TOKEN, "nonce": "0x2", "yParity": "0x1", "r": "0x3", "s": "0x4"}
    sent = [
        transaction(0, chainId="0x1"),
        transaction(
            1,
            type="0x4",
            accessList=[{"address": TOKEN, "storageKeys": ["0x" + "0a" * 32]}],
            maxFeePerBlobGas="0x10",
            blobVersionedHashes=["0x01" + "0b" * 31],
            authorizationList=[signed],
        ),
        transaction(2, type="0x7e", nonce=None),
    ]
    logs = [[log(0, 0), log(0, 1, topics=[])], [], [log(2, 2)]]
    receipts = [receipt(position, each) for position, each in enumerate(logs)]
    receipts[2] |= {"type": "0x7e", "depositNonce": "0x9", "l1Fee": "0x1", "l1FeeScalar": "0.684"}
    return block(sent, logsBloom="0x", gasUsed=receipts[-1]["cumulativeGasUsed"]), receipts


@cache
def real() -> list[Answers]:
    """Small blocks of every chain at hand, with their receipts."""
    found = [(answer(each.block), answer(each.receipts)) for each in cases() if each.receipts is not None]
    return [each for each in found if 0 < len(each[1]) < 40 and "logs" in each[1][0]]


def records(answers: Answers) -> Iterator[Record]:
    """Every JSON object of the answers, the entries of lists included."""
    found: list[object] = [answers[0], *answers[1]]
    while found:
        each = found.pop()
        if isinstance(each, dict):
            yield each
            found += [one for value in each.values() if isinstance(value, list) for one in value]


def nested(levels: int) -> list[Any]:
    """Lists within each other."""
    found: list[Any] = []
    for _ in range(levels - 1):
        found = [found]
    return found


BENDS: dict[str, Callable[[Any], Any]] = {
    "null": lambda _: None,
    "0x": lambda _: "0x",
    "empty": lambda _: "",
    "zero": lambda _: "0x0",
    "a number": lambda _: 7,
    "a negative number": lambda _: -1,
    "a fraction": lambda _: 0.5,
    "a flag": lambda _: True,
    "a list": lambda _: [],
    "a list of nothing": lambda _: [None],
    "an object": lambda _: {},
    "decimal": lambda _: "17",
    "2^8-1": lambda _: hex((1 << 8) - 1),
    "2^8": lambda _: hex(1 << 8),
    "2^28": lambda _: hex(1 << 28),
    "2^31": lambda _: hex(1 << 31),
    "2^32": lambda _: hex(1 << 32),
    "2^63": lambda _: hex(1 << 63),
    "2^64-1": lambda _: hex((1 << 64) - 1),
    "2^64": lambda _: hex(1 << 64),
    "2^256": lambda _: hex(1 << 256),
    "odd digits": lambda value: f"{value}0" if isinstance(value, str) else value,
    "padded": lambda value: "0x" + str(value)[2:].zfill(64),
    "upper case": lambda value: str(value).upper(),
    "no prefix": lambda value: str(value)[2:],
    "no hex": lambda value: str(value)[:-1] + "g",
    "signed": lambda value: "-" + str(value),
    "underscored": lambda value: str(value)[:3] + "_" + str(value)[3:],
    "spaced": lambda value: f" {value}",
    "prefixed twice": lambda value: "0x" + str(value)[:-2],
    "not ASCII": lambda value: str(value)[:-1] + "²",
    "another byte": lambda value: str(value)[:-1] + ("1" if str(value)[-1:] != "1" else "2"),
    "deep": lambda _: nested(DEEPEST + 1),
    "twice": lambda value: value * 2 if isinstance(value, list) else [value, value],
}
LARGE: dict[str, Callable[[Any], Any]] = {
    "megabytes of data": lambda _: "0x" + "ab" * (9 << 17),
    "megabytes of digits": lambda _: "0x" + "0" * (1 << 20) + "1",
    "megabytes of text": lambda _: "é" * (9 << 16),
    "a long list": lambda value: value * 12_000 if isinstance(value, list) else [value] * 12_000,
}
UNMODELLED: dict[str, Any] = {
    "deep": nested(DEEPEST),
    "too deep": nested(DEEPEST + 1),
    "nested without end": nested(800),
    "megabytes": "é" * (1 << 20),
    "numbers that grow": [1e15] * 100_000,
    EXTRA: "{no object",
    "data": "0x12",
    "note": "x",
    "nested": {"a": [1, None, {"b": 1e30}]},
    "big": 10**30,
    "": 1,
}


def bend(answers: Answers, data: st.DataObject) -> None:
    """Change one field of one record, in place."""
    target = data.draw(st.sampled_from(list(records(answers))))
    kind = data.draw(st.sampled_from(["change", "change", "change", "leave out", "add"]))
    if kind == "add":
        name = data.draw(st.sampled_from(list(UNMODELLED)))
        target[name] = UNMODELLED[name]
        return
    name = data.draw(st.sampled_from(sorted(target)))
    if kind == "leave out":
        del target[name]
    else:
        target[name] = BENDS[data.draw(st.sampled_from(list(BENDS)))](target[name])


def holds(answers: Answers, verifier: Verifier) -> None:
    refused = ""
    try:
        own = checked(*answers, verifier)
    except (CheckError, ShapeError) as error:
        refused = str(error)
    if refused:
        assert len(refused) < 500
        return
    event = taken(own, *answers)
    assert len(event["transactions"]) == len(answers[0].get("transactions") or ())


@given(st.data())
@settings(max_examples=10 * settings.default.max_examples)
def test_a_bent_block_is_refused_or_taken(data: st.DataObject) -> None:
    answers = made()
    for _ in range(data.draw(st.integers(1, 2))):
        bend(answers, data)
    holds(answers, data.draw(st.sampled_from([*VERIFIERS, STRICT])))


@pytest.mark.data
@given(st.data())
@settings(max_examples=5 * settings.default.max_examples)
def test_a_bent_block_of_a_real_chain_is_refused_or_taken(shared_data: object, data: st.DataObject) -> None:
    answers = copy.deepcopy(data.draw(st.sampled_from(real()), label="block"))
    bend(answers, data)
    holds(answers, data.draw(st.sampled_from([*VERIFIERS, STRICT])))


@pytest.mark.parametrize("how", LARGE)
def test_each_field_made_large_in_turn(how: str) -> None:
    large = LARGE[how]("0x")
    for at, name in [(at, name) for at, each in enumerate(records(made())) for name in each]:
        answers = made()
        target = list(records(answers))[at]
        target[name] = LARGE[how](target[name]) if isinstance(target[name], list) else large
        holds(answers, VERIFIERS[0])


@pytest.mark.parametrize("name", UNMODELLED)
def test_what_nobody_models_in_each_record(name: str) -> None:
    for at, _ in enumerate(records(made())):
        answers = made()
        list(records(answers))[at][name] = UNMODELLED[name]
        holds(answers, VERIFIERS[0])


@pytest.mark.parametrize("how", BENDS)
def test_each_field_bent_in_turn(how: str) -> None:
    places = [(at, name) for at, each in enumerate(records(made())) for name in each]
    for at, name in places:
        answers = made()
        target = list(records(answers))[at]
        target[name] = BENDS[how](target[name])
        for verifier in VERIFIERS:
            holds(answers, verifier)


def test_each_field_left_out_in_turn() -> None:
    for at, name in [(at, name) for at, each in enumerate(records(made())) for name in each]:
        answers = made()
        del list(records(answers))[at][name]
        for verifier in VERIFIERS:
            holds(answers, verifier)


def test_the_block_that_is_bent_is_itself_taken() -> None:
    for verifier in VERIFIERS:
        event = taken(checked(*made(), verifier), *made())
        assert [each["nonce"] for each in event["transactions"]] == [7, 7, 9]
        assert json.loads(event["transactions"][2]["receipt_extra"]) == {"depositNonce": "0x9"}
