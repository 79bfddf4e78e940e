"""What the live screen, the plain lines and `headwater status` show: plain data, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PartView:
    """Health of a part: its phase, how often it was restarted, why it last died, seconds to its restart."""

    name: str
    phase: str
    restarts: int = 0
    reason: str = ""
    retry_in: float = 0.0


@dataclass(frozen=True, slots=True)
class StageView:
    """How far a stage is: its block, messages waiting before it, seconds behind (p50 of late)."""

    name: str
    block: int | None = None
    lag: int | None = None
    latency: float | None = None
    records_per_second: float = 0.0


@dataclass(frozen=True, slots=True)
class TransferView:
    """A token transfer, shortened for people."""

    block: int
    standard: str
    token: str
    source: str
    target: str
    amount: str


@dataclass(frozen=True, slots=True)
class StateView:
    """A transaction's state; `execution`: succeeded or reverted once included."""

    block: int | None
    hash: str
    state: str
    execution: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything at one moment. None: not known (yet). Latencies in seconds, rates a second.

    `alerts`: how many have a status; `deliveries`: how many are in a state. Both by lower-case names.
    """

    chain: str
    chain_id: int = 0
    data_dir: str = ""
    uptime: float = 0.0
    head: int | None = None
    safe: int | None = None
    finalized: int | None = None
    visible: int | None = None
    blocks_per_second: float = 0.0
    records_per_second: float = 0.0
    latency_p50: float | None = None
    latency_p99: float | None = None
    reorgs: int = 0
    deepest_reorg: int = 0
    dead_letters: int = 0
    gaps: int = 0
    stages: tuple[StageView, ...] = ()
    parts: tuple[PartView, ...] = ()
    rows: Mapping[str, int] = field(default_factory=dict)
    transfers: tuple[TransferView, ...] = ()
    states: tuple[StateView, ...] = ()
    alerts: Mapping[str, int] = field(default_factory=dict)
    deliveries: Mapping[str, int] = field(default_factory=dict)
    endpoints: Mapping[str, str] = field(default_factory=dict)
    message: str = ""
