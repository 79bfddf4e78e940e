"""The entries of the state topic: what a decision changes of them, and the fold that they make again.

A block's entry has what it gave and what it made; tracks are kept as they are without the remembered blocks,
which join again when a stage starts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar, cast

import msgspec

from headwater.errors import Permanent
from schemas import codec_for
from streams.logic.alerts.alert import Alert
from streams.logic.alerts.alerting import Alerting
from streams.logic.alerts.configuration import RULE, Adopted, Change, Former
from streams.logic.alerts.decision import Block, Decision, Made
from streams.logic.alerts.derived import STATES_FOLD
from streams.logic.alerts.fold import Fold
from streams.logic.alerts.gives import Candidate, Gives, RuleGroup
from streams.logic.alerts.remembered import Reorg, Tip
from streams.logic.alerts.tally import packed, unpacked
from streams.logic.alerts.tracks import ONCE, Confirmed, Cooling, Once, Open, Silence, State, TrackKey

STREAM: Final = "alert-state"
Entry = tuple[bytes, bytes | None]
_PROGRESS: Final = b"progress"
_FORMER: Final = b"former:"
_CONFIGURATION: Final = b"configuration:"
_CHUNK: Final = 2_000
"""Matches in one entry: far below what a topic takes."""
_GROUPS: Final = 20_000
"""Groups, and values of their measures, in one entry."""
_codec = codec_for(STREAM)
_encoder = msgspec.msgpack.Encoder()
_T = TypeVar("_T")
_Measures = list[list[str | None]]


class _ProgressContent(msgspec.Struct, frozen=True, array_like=True):
    """New fields go to the end: state topics have older entries."""

    safe: int
    final_time: int
    reorg: tuple[int, int, bytes] | None
    unknown_times: list[int]
    configured_to: int | None = None


class _Block(msgspec.Struct, frozen=True, array_like=True):
    """`made`: an alert, or the place of the match in this entry that it is; whether it was published.

    New fields go to the end: state topics have older blocks.
    """

    parent_hash: bytes | None
    known: bool
    candidates: list[Candidate]
    made: list[tuple[Alert | int, bool]]
    tallies: list[tuple[RuleGroup, int, _Measures]]
    seen: list[RuleGroup]
    denied: list[RuleGroup] = []


_Packed: TypeAlias = "_Window | _Cooling | _Silence | _Once | _Confirmed"


class _Window(msgspec.Struct, frozen=True, array_like=True, tag="window"):
    records: int
    measures: _Measures
    end: int
    fired: bool
    judged: bool


class _Cooling(msgspec.Struct, frozen=True, array_like=True, tag="cooling"):
    since: int
    held: int


class _Silence(msgspec.Struct, frozen=True, array_like=True, tag="silence"):
    last: int
    fired: bool


class _Once(msgspec.Struct, frozen=True, array_like=True, tag="once"):
    """New fields go to the end: state topics have older entries."""

    until: int
    told: bool = True


class _Confirmed(msgspec.Struct, frozen=True, array_like=True, tag="confirmed"):
    alert: Alert
    number: int | None
    hash: bytes | None
    timestamp: int | None


class _Track(msgspec.Struct, frozen=True, array_like=True):
    key: TrackKey
    state: _Packed


class _Configuration(msgspec.Struct, frozen=True, array_like=True):
    key: str
    adopted: Adopted


class InForce(NamedTuple):
    """Keys of the configuration as a stage has adopted them; `configured_to` as the fold has it."""

    adopted: dict[str, Adopted]
    configured_to: int | None


def in_force(content: Mapping[bytes, bytes], read: Callable[[bytes], Mapping[str, Any]]) -> InForce | None:
    """What a state topic says of it; None where nothing was written. Raises what `read` raises."""
    if _PROGRESS not in content:
        return None
    own = (
        _decoded(read(value), _Configuration)
        for key, value in content.items()
        if key.startswith(_CONFIGURATION)
    )
    progress = _decoded(read(content[_PROGRESS]), _ProgressContent)
    return InForce({each.key: each.adopted for each in own}, progress.configured_to)


class Entries:
    """Knows how many entries there are of each block, so that they can be deleted with it."""

    def __init__(self) -> None:
        self._chunks: dict[bytes, int] = {}
        self._renamed: list[Entry] = []

    def changes(self, fold: Fold, decision: Decision) -> Iterator[Entry]:
        """The entries that a decision of the fold changes, without frame; None deletes."""
        yield _PROGRESS, _progress(fold)
        yield from self._renamed
        self._renamed.clear()
        for name, adopted in decision.configuration.items():
            value = None if adopted is None else _encoder.encode(_Configuration(name, adopted))
            yield (
                _CONFIGURATION + name.encode(),
                None if value is None else _entry("CONFIGURATION", decision.sequence, value),
            )
        for former, kept in decision.former.items():
            entry = _entry("CONFIGURATION", decision.sequence, _encoder.encode(former)) if kept else None
            yield _FORMER + f"{former.until}:{former.key}".encode(), entry
        for hash_, block in decision.blocks.items():
            yield from self._block(hash_, block)
        for key, derived in decision.derived:
            kind = "FACT" if key.startswith(STATES_FOLD.encode()) else "STATISTICS"
            yield key, None if derived is None else _entry(kind, decision.sequence, derived)
        for track, state in decision.tracks.items():
            content = None if state is None else _encoder.encode(_Track(track, _packed(state)))
            yield _key(track), None if content is None else _entry("TRACK", decision.sequence, content)

    def _block(self, hash_: bytes, block: Block | None) -> Iterator[Entry]:
        prefix = b"block:" + hash_.hex().encode()
        chunks = [] if block is None else list(_blocks(block))
        before = self._chunks.pop(hash_, 0)
        if chunks:
            self._chunks[hash_] = len(chunks)
        for number, chunk in enumerate(chunks):
            yield b"%b:%d" % (prefix, number), chunk
        for number in range(len(chunks), before):
            yield b"%b:%d" % (prefix, number), None

    def restore(
        self,
        alerting: Alerting,
        content: Mapping[bytes, bytes],
        read: Callable[[bytes], Mapping[str, Any]],
        refused: Callable[[Change, Permanent], None],
    ) -> None:
        """Put into a new `alerting` what these entries hold. Raises what `read` raises."""
        self._chunks.clear()
        self._renamed.clear()
        fold = alerting.fold
        # Entries of a block in their order: which of its matches came first decides about cooldowns.
        keys = sorted(content, key=lambda key: (len(key), key))
        records = [read(content[key]) for key in keys]
        entries = zip(keys, records, strict=True)
        found = [(key, each) for key, each in entries if each["entry"] == "CONFIGURATION"]
        former = [_decoded(each, Former) for key, each in found if key.startswith(_FORMER)]
        former.sort(key=lambda each: each.until)
        fold.former = {(each.until, each.key): each for each in former}
        own = [_decoded(each, _Configuration) for key, each in found if not key.startswith(_FORMER)]
        _adopt(alerting, own, refused)
        alerting.derived.restore(
            {
                key: cast(bytes, record["content"])
                for key, record in zip(keys, records, strict=True)
                if record["entry"] in ("STATISTICS", "FACT")
            }
        )
        for each in _of("TRACK", records):
            track = _decoded(each, _Track)
            fold.tracks.set(self._current(track, each), _unpacked(track.state))
        for each in _of("PROGRESS", records):
            _restore_progress(fold, each)
        blocks: dict[bytes, Block] = {}
        for each in sorted(_of("BLOCK", records), key=lambda record: cast(int, record["sequence"])):
            own = each["block_hash"]
            self._chunks[own] = self._chunks.get(own, 0) + 1
            blocks[own] = _joined(blocks.get(own), each)
        for block in blocks.values():
            fold.restore(block)

    def _current(self, track: _Track, record: Mapping[str, Any]) -> TrackKey:
        """The key of a state; one that an earlier version of Headwater wrote by the text is written anew."""
        key = track.key._replace(version=0) if track.key.what == ONCE else track.key
        if key != track.key:
            content = _encoder.encode(_Track(key, track.state))
            renamed = _entry("TRACK", cast(int, record["sequence"]), content)
            self._renamed += [(_key(track.key), None), (_key(key), renamed)]
        return key


def _adopt(
    alerting: Alerting, found: list[_Configuration], refused: Callable[[Change, Permanent], None]
) -> None:
    configuration, keys = alerting.configuration, set()
    for each in found:
        rule = None
        if each.key.startswith(RULE):
            change = Change(each.adopted.offset, each.key, each.adopted.value)
            try:
                rule = configuration.compiled(change)
            except Permanent as error:
                refused(change, error)
        configuration.put(each.key, each.adopted, rule)
        keys.add(each.key)
    configuration.settle(keys)
    alerting.settled()


def _of(entry: str, records: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    return (each for each in records if each["entry"] == entry)


def _entry(entry: str, sequence: int, content: bytes, **more: object) -> bytes:
    return _codec.write({"entry": entry, "sequence": sequence, "content": content, **more})


def _decoded(record: Mapping[str, Any], kind: type[_T]) -> _T:
    return msgspec.msgpack.decode(record["content"], type=kind)


def _progress(fold: Fold) -> bytes:
    tip, reorg = fold.tip, fold.reorg
    content = _ProgressContent(
        fold.safe,
        fold.final_time,
        None if reorg is None else (reorg.depth, reorg.number, reorg.hash),
        sorted(fold.unknown_times),
        fold.configured_to,
    )
    number, hash_, time = (None,) * 3 if tip is None else (tip.number, tip.hash, tip.timestamp)
    return _entry(
        "PROGRESS",
        fold.last or 0,
        _encoder.encode(content),
        block_number=number,
        block_hash=hash_,
        timestamp=time,
    )


def _restore_progress(fold: Fold, record: Mapping[str, Any]) -> None:
    content = _decoded(record, _ProgressContent)
    fold.last = record["sequence"]
    fold.safe, fold.final_time = content.safe, content.final_time
    fold.unknown_times = set(content.unknown_times)
    fold.reorg = None if content.reorg is None else Reorg(*content.reorg)
    fold.configured_to = content.configured_to
    if record["block_number"] is not None:
        fold.tip = Tip(record["block_number"], record["block_hash"], record["timestamp"])


def _blocks(block: Block) -> Iterator[bytes]:
    """A block's entries: each has a piece of all that there may be much of."""
    rest, matches = dict(block.made), _pieces(block.gives.candidates, _CHUNK)
    made: list[list[tuple[Alert | int, bool]]] = [[] for _ in matches]
    for own, piece in zip(made, matches, strict=True):
        for place, each in enumerate(piece):
            found = rest.get(each.alert.id)
            if found is not None and found.alert == each.alert:
                del rest[each.alert.id]
                own.append((place, found.published))
    tallies = [(owner, *packed(tally)) for owner, tally in block.gives.tallies.items()]
    parts: Iterable[tuple[list[Any], ...]] = zip_longest(
        matches,
        made,
        _pieces([(each.alert, each.published) for each in rest.values()], _CHUNK),
        _pieces(tallies, _GROUPS, lambda each: sum(map(len, each[2]), 1)),
        _pieces(block.gives.seen, _GROUPS),
        _pieces(sorted(block.denied), _GROUPS),
        fillvalue=[],
    )
    for piece, own, others, counted, seen, denied in list(parts) or [([],) * 6]:
        content = _Block(block.parent_hash, block.known, piece, own + others, counted, seen, denied)
        yield _entry(
            "BLOCK",
            block.sequence,
            _encoder.encode(content),
            block_number=block.number,
            block_hash=block.hash,
            timestamp=block.timestamp,
        )


def _pieces(items: Iterable[_T], most: int, weight: Callable[[_T], int] = lambda _: 1) -> list[list[_T]]:
    """The items in lists that weigh so much at most; one that weighs more is alone."""
    found: list[list[_T]] = []
    left = 0
    for each in items:
        own = weight(each)
        if not found or own > left:
            found.append([])
            left = most
        found[-1].append(each)
        left -= own
    return found


def _joined(before: Block | None, record: Mapping[str, Any]) -> Block:
    """The block with the content of one more of its entries."""
    content = _decoded(record, _Block)
    gives = Gives(
        tuple(content.candidates),
        {owner: unpacked(records, measures) for owner, records, measures in content.tallies},
        tuple(content.seen),
    )
    if before is not None:
        gives = Gives(
            before.gives.candidates + gives.candidates,
            before.gives.tallies | gives.tallies,
            before.gives.seen + gives.seen,
        )
    block = Block(
        record["sequence"],
        record["block_number"],
        record["block_hash"],
        content.parent_hash,
        record["timestamp"],
        gives,
        content.known,
        {} if before is None else before.made,
        denied=frozenset(content.denied) | (frozenset() if before is None else before.denied),
    )
    for each, published in content.made:
        alert = content.candidates[each].alert if isinstance(each, int) else each
        block.made[alert.id] = Made(alert, published)
    return block


def _key(key: TrackKey) -> bytes:
    group = msgspec.json.encode(key.group).decode()
    return f"track:{key.rule_id}:{key.version}:{key.what}:{key.start}:{group}".encode()


def _packed(state: State) -> _Packed:
    match state:
        case Open():
            return _Window(*packed(state.tally), state.end, state.fired, state.judged)
        case Cooling():
            return _Cooling(state.since, state.held)
        case Silence():
            return _Silence(state.last, state.fired)
        case Once():
            return _Once(state.until, state.told)
        case Confirmed():
            return _Confirmed(state.alert, state.number, state.hash, state.timestamp)


def _unpacked(state: _Packed) -> State:
    match state:
        case _Window():
            tally = unpacked(state.records, state.measures)
            return Open(tally, state.end, fired=state.fired, judged=state.judged)
        case _Cooling():
            return Cooling(state.since, state.held)
        case _Silence():
            return Silence(state.last, state.fired)
        case _Once():
            return Once(state.until, state.told)
        case _Confirmed():
            return Confirmed(state.alert, state.number, state.hash, state.timestamp)
