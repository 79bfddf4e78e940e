"""What was found of one endpoint; numbers are None, and lists empty, where it did not come to that."""

from __future__ import annotations

from dataclasses import dataclass, field

NO: str = "no"


@dataclass(slots=True)
class Findings:
    """One endpoint's. `trouble` is why it cannot feed a listener, "" when it can.

    `methods`: a method to "yes", "no", or what else it was answered. `tags`: a tag to its block, or why none.
    `receipts`: by_hash, by_number, singly or none, best first. `traces`: tracing calls that it makes.
    `oldest_block`: the lowest height that it has with receipts; `oldest_state`: with balances, of a few.
    `batch` calls in one request, `log_range` blocks in one eth_getLogs: the largest tried that was answered.
    Latency is in milliseconds, `head_age` in seconds by this machine's clock.
    `verified`: a block's height to the checks that it passed whole, or to what failed.
    """

    endpoint: str
    trouble: str = ""
    client: str = ""
    chain_id: int | None = None
    syncing: bool = False
    head: int | None = None
    head_age: float | None = None
    head_lag: int | None = None
    latency_p50: float | None = None
    latency_p95: float | None = None
    methods: dict[str, str] = field(default_factory=dict)
    tags: dict[str, int | str] = field(default_factory=dict)
    receipts: str = "none"
    traces: tuple[str, ...] = ()
    oldest_block: int | None = None
    oldest_state: int | None = None
    batch: int | None = None
    log_range: int | None = None
    verified: dict[int, tuple[str, ...] | str] = field(default_factory=dict)

    @property
    def failed(self) -> dict[int, str]:
        """Blocks of the sample that did not pass, and why."""
        return {number: what for number, what in self.verified.items() if isinstance(what, str)}
