"""Rules from callables, blocks that they look at, and random lives of a chain for the tests of alerts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from headwater.errors import Permanent
from schemas import StreamReader, codec_for, frame, schema_of
from streams.logic.alerts.configuration import Change
from streams.logic.alerts.rule import (
    Comparison,
    Condition,
    Finality,
    Function,
    Match,
    Rule,
    Severity,
    Threshold,
    Window,
)
from tests.builders.statistics import hash_of
from topics.chainlog.envelope import Envelope
from topics.chainlog.kinds import EventKind

START = 1_700_002_800_000  # a whole hour
FRAME = frame(7)
TOKEN, OTHER = b"\x01" * 20, b"\x02" * 20
ALICE, BOB, CAROL = b"\xaa" * 20, b"\xbb" * 20, b"\xcc" * 20
HASH = b"h" * 32
_codec = codec_for("enriched-blocks")


def text(raw: bytes) -> str:
    """As rules see bytes."""
    return "0x" + raw.hex()


def rule(
    id_: str,
    match: Match = Match.TOKEN_TRANSFER,
    where: Condition = lambda record, lists: True,
    **given: Any,
) -> Rule:
    """A rule that matches everything, but for what is given."""
    made = Rule(
        id=id_,
        version=0,
        text=id_,
        chains=frozenset(),
        severity=Severity.HIGH,
        match=match,
        where=where,
        lists=frozenset(),
        requirements=(),
        group_by=(),
        window=None,
        within_ms=None,
        finality=Finality.PROVISIONAL,
        cooldown_ms=0,
        labels={"team": "ops"},
        channels=("ops",),
        title=lambda record, labels: f"{id_} fired",
        shadow=False,
    )
    return replace(made, **given)


def window(seconds: int, *thresholds: Threshold, every: int | None = None) -> Window:
    """A window of so many seconds."""
    return Window(seconds * 1_000, (every or seconds) * 1_000, thresholds)


def count(comparison: Comparison, bound: int) -> Threshold:
    """A threshold of records."""
    return Threshold(Function.COUNT, None, None, comparison, bound)


def measure(function: Function, of: str, comparison: Comparison, bound: int) -> Threshold:
    """A threshold of a field."""

    def value(record: Mapping[str, object], lists: object) -> Any:
        return record[of]

    return Threshold(function, of, value, comparison, bound)


class Texts:
    """A compiler that knows some texts: `change(rule)` gives a change that brings the rule."""

    def __init__(self, *rules: Rule) -> None:
        self._rules = {each.text: each for each in rules}
        self._offset = 0

    def compile(self, source: str, version: int) -> Rule:
        """In place of the compiler of rules."""
        if source not in self._rules:
            raise Permanent(f"no rule in {source!r}")
        return replace(self._rules[source], version=version)

    def change(self, made: Rule) -> Change:
        """What a command writes that applies the rule."""
        self._rules[made.text] = made
        return self.put(f"rule:{made.id}", made.text)

    def put(self, key: str, value: str | None) -> Change:
        """What any command writes."""
        self._offset += 1
        return Change(self._offset, key, value)


def transfer(index: int, value: int, source: bytes = ALICE, target: bytes = BOB, token: bytes = TOKEN) -> Any:
    """A token transfer of a block."""
    return {
        **{"log_index": index, "batch_index": 0, "transaction_hash": HASH, "transaction_index": 0},
        **{"token_address": token, "token_standard": "ERC20", "operator": None, "from_address": source},
        **{"to_address": target, "token_id": None, "value": str(value), "amount": None},
    }


def transaction(index: int, **more: Any) -> dict[str, Any]:
    """A transaction of a block."""
    return {
        **{"hash": hash_of(f"tx {index}"), "transaction_index": index, "from_address": ALICE},
        **{"to_address": BOB, "nonce": 2**64 - 1 - 2**64, "value": str(2**255), "gas": 100_000},
        **{"input": b"\xde\xad", "transaction_type": 2, "receipt_cumulative_gas_used": 0},
        **{"receipt_gas_used": 21_000, "receipt_status": 1, "receipt_effective_gas_price": "10"},
        **{"receipt_log_count": 0, **more},
    }


def log(index: int, address: bytes = TOKEN, *topics: bytes) -> dict[str, Any]:
    """A log of a block."""
    where = {"transaction_hash": HASH, "transaction_index": 0}
    return {"log_index": index, **where, "address": address, "topics": list(topics), "data": b"\x01"}


def content(*transfers: Any, **more: Any) -> dict[str, Any]:
    """What an enriched block has beside its envelope."""
    fixed = ("parent_hash", "sha3_uncles", "transactions_root", "state_root", "receipts_root")
    header = {
        **dict.fromkeys(fixed, HASH),
        **{"miner": CAROL, "difficulty": "0", "extra_data": b"", "gas_limit": 30_000_000, "uncles": []},
        **{"gas_used": 171_000, "transaction_count": 3, "base_fee_per_gas": "7"},
    }
    return {"header": header, "transfers": list(transfers), **more}


def envelope(kind: EventKind, sequence: int, number: int, name: str = "", seconds: int = 0) -> Envelope:
    """Of a block that is so many seconds after START; blocks of other names than their number are forks."""
    return Envelope(
        event=kind,
        chain_id=1,
        sequence=sequence,
        claim=0,
        block_number=number,
        block_hash=hash_of(name or str(number)),
        parent_hash=None,
        block_timestamp=START + seconds * 1_000,
        observed_at=1,
        source=None,
        verified=(),
        fresh=False,
        part=0,
        parts=1,
    )


def value(of: Envelope, body: Mapping[str, Any]) -> bytes:
    """The framed message of an event."""
    record = {name: getattr(of, name) for name in of.__slots__}
    return FRAME + _codec.write(record | {"event": of.event.name, "verified": [], **body})


READER = StreamReader("enriched-blocks", lambda schema_id: schema_of("enriched-blocks"))
"""Reads such messages."""


@dataclass(frozen=True)
class Told:
    """An event with its content, and the changes of the configuration that arrive before it."""

    envelope: Envelope
    body: Mapping[str, Any]
    changes: tuple[Change, ...] = ()


POOL: tuple[Mapping[str, Any], ...] = (
    content(),
    content(transfer(0, 5), transactions=[transaction(0), transaction(1, receipt_status=0)]),
    content(transfer(0, 7), transfer(1, 2, BOB, CAROL)),
    content(transfer(0, 2**255, CAROL), transfer(1, 2**255, CAROL), transfer(2, 1, BOB)),
    content(transfer(0, 1), transfer(1, 1), transfer(2, 1, token=OTHER)),
    {"problem": "unreadable"},
)
"""What blocks hold: written one by one they would take most of a test's time."""


@st.composite
def lives(
    draw: st.DrawFn,
    changes: Sequence[Change] = (),
    *,
    repairs: bool = False,
    steps: int = 22,
    safe_leave: bool = False,
) -> list[Told]:
    """What a listener may publish, blocks from seconds to minutes apart; changes in their order.

    `safe_leave`: forks take blocks that were safe, as an accepted deep fork does.
    """
    chain: list[tuple[Envelope, Mapping[str, Any]]] = []
    told: list[Told] = []
    left = list(changes)
    final = safe = -1

    def tell(of: Envelope, kind: EventKind, body: Mapping[str, Any]) -> None:
        arrived = []
        at_first = draw(st.integers(1, len(left))) if left and not told else 0
        while left and (len(arrived) < at_first or (told and draw(st.integers(0, 3)) == 0)):
            arrived.append(left.pop(0))
        told.append(Told(replace(of, event=kind, sequence=100 + len(told)), body, tuple(arrived)))

    kinds = ("extend",) * 6 + ("fork", "again", "safe", "final") + (("repair",) if repairs else ())
    for step in range(draw(st.integers(4, steps))):
        what = draw(st.sampled_from(kinds)) if told else "extend"
        settled = final if safe_leave else max(final, safe)
        free = [each for each in chain if (each[0].block_number or 0) > settled]
        if what in ("fork", "again") and free:
            gone = [chain.pop() for _ in range(draw(st.integers(1, len(free))))]
            for each, _ in gone:
                tell(each, EventKind.REVERT, {})
            if what == "again":
                for each, body in reversed(gone):
                    chain.append((each, body))
                    tell(each, EventKind.APPLY, body)
        elif what in ("safe", "final") and chain and (chain[-1][0].block_number or 0) > final:
            number = draw(st.integers(final + 1, chain[-1][0].block_number or 0))
            named = next(each for each, _ in chain if each.block_number == number)
            if what == "final":
                final = number
                tell(named, EventKind.FINALIZED, {})
            else:
                safe = max(safe, number)
                tell(named, EventKind.SAFE, {})
        elif what == "repair" and chain:
            place = draw(st.integers(0, len(chain) - 1))
            body = draw(st.sampled_from(POOL[:-1]))
            chain[place] = (chain[place][0], body)
            tell(chain[place][0], EventKind.REPAIR, body)
        elif what == "extend":
            seconds = ((chain[-1][0].block_timestamp or START) - START) // 1_000 if chain else 0
            seconds += draw(st.sampled_from((0, 1, 7, 12, 30, 61, 150)))
            made = envelope(EventKind.APPLY, 0, len(chain), f"{step}", seconds)
            if chain:
                made = replace(made, parent_hash=chain[-1][0].block_hash)
            chain.append((made, draw(st.sampled_from(POOL))))
            tell(*(made, EventKind.APPLY, chain[-1][1]))
    return told


def standing(told: Sequence[Told]) -> list[Told]:
    """The APPLY of each block that is canonical at the end, with what it holds then."""
    found: dict[bytes, Told] = {}
    for each in told:
        own = each.envelope.block_hash or b""
        if each.envelope.event is EventKind.APPLY:
            found[own] = each
        elif each.envelope.event is EventKind.REPAIR:
            found[own] = replace(found[own], body=each.body)
        elif each.envelope.event is EventKind.REVERT:
            found.pop(own)
    return list(found.values())
