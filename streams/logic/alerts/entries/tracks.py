"""The entries of tracks, as they are without the remembered blocks."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from streams.logic.alerts.alert import Alert
from streams.logic.alerts.tally import packed, unpacked
from streams.logic.alerts.tracks import Confirmed, Cooling, Once, Open, Silence, State, TrackKey

_Packed: TypeAlias = "_Window | _Cooling | _Silence | _Once | _Confirmed"


class _Window(msgspec.Struct, frozen=True, array_like=True, tag="window"):
    records: int
    measures: list[list[str | None]]
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


class Track(msgspec.Struct, frozen=True, array_like=True):
    """A window, cooldown, silence, what was told once or waits to be confirmed."""

    key: TrackKey
    state: _Packed

    @classmethod
    def of(cls, key: TrackKey, state: State) -> Track:
        """As it is written."""
        return cls(key, _packed(state))

    def unpacked(self) -> State:
        """The state again."""
        return _unpacked(self.state)


def key_of(key: TrackKey) -> bytes:
    """The entry's key."""
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
