"""Gathers snapshots: the roles' metrics, the tables, the supervisor's word on each part."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from sandbox.screen.clickhouse_view import Tables, TablesView
from sandbox.screen.prometheus_text import Exposition, parse, quantile, since
from sandbox.screen.snapshot import PartView, Snapshot, StageView
from sandbox.services.probes import http_get
from topics.groups import NAMES, SINK

WINDOW_SECONDS = 15.0
SCRAPE_SECONDS = 1.0
TABLE_EVERY = 2  # scrapes


@dataclass(frozen=True, slots=True)
class Scrape:
    """The metrics of all roles at one moment (monotonic seconds); a role that did not answer is absent."""

    at: float
    roles: Mapping[str, Exposition]


def scrape(ports: Mapping[str, int], clock: Callable[[], float] = time.monotonic) -> Scrape:
    """Ask every role's /metrics."""
    found = {}
    for role, port in ports.items():
        status, body = http_get(port, "/metrics")
        if status == 200:
            found[role] = parse(body.decode())
    return Scrape(clock(), found)


def derive(base: Snapshot, now: Scrape, before: Scrape, tables: TablesView) -> Snapshot:
    """The snapshot that two scrapes and a look at the tables give. Rates are over the time between both."""
    listen = now.roles.get("listen", Exposition())
    span = max(now.at - before.at, 1e-9)
    heights = {tag: _whole(listen.value("headwater_chain_block", tag=tag)) for tag in HEIGHTS}
    return replace(
        base,
        head=heights["head"] if heights["head"] is not None else base.head,
        safe=heights["safe"] if heights["safe"] is not None else base.safe,
        finalized=heights["finalized"] if heights["finalized"] is not None else base.finalized,
        visible=tables.visible if tables.visible is not None else base.visible,
        blocks_per_second=_growth(now, before, "normalize", "headwater_stage_events_total", event="APPLY")
        / span,
        records_per_second=_growth(now, before, "enrich", "headwater_stage_records_total") / span,
        latency_p50=tables.latency_p50 if tables.latency_p50 is not None else base.latency_p50,
        latency_p99=tables.latency_p99 if tables.latency_p99 is not None else base.latency_p99,
        reorgs=int(listen.total("headwater_listener_reorgs_total")) if "listen" in now.roles else base.reorgs,
        deepest_reorg=deepest(listen) or base.deepest_reorg,
        dead_letters=int(sum(role.total("headwater_dead_letters_total") for role in now.roles.values())),
        gaps=int(sum(role.total("headwater_stage_gaps_total") for role in now.roles.values())),
        stages=(*(_stage(name, now, before, span) for name in NAMES), _sink(now, before, span, tables)),
        rows=tables.rows or base.rows,
        transfers=tables.transfers or base.transfers,
        states=tables.states or base.states,
        alerts=tables.alerts or base.alerts,
        deliveries=tables.deliveries or base.deliveries,
    )


HEIGHTS = ("head", "safe", "finalized")


def deepest(listen: Exposition) -> int:
    """The bound of the highest bucket that a reorg fell into; 0 without reorgs."""
    buckets = listen.buckets("headwater_listener_reorg_depth_blocks")
    reached, depth = 0.0, 0
    for bound in sorted(buckets):
        if buckets[bound] > reached and bound != float("inf"):
            depth = int(bound)
        reached = buckets[bound]
    return depth


def _stage(name: str, now: Scrape, before: Scrape, span: float) -> StageView:
    role = now.roles.get(name)
    if role is None:
        return StageView(name)
    old = before.roles.get(name, Exposition())
    metric = "headwater_stage_latency_seconds"
    recent = since(role.buckets(metric, stage=name), old.buckets(metric, stage=name))
    done = role.value("headwater_stage_sequence", stage=name)
    written = now.roles.get("listen", Exposition()).value("headwater_chain_sequence")
    lag = None if done is None or written is None else max(0, int(written - done))
    return StageView(
        name,
        _whole(role.value("headwater_stage_block", stage=name)),
        lag,
        quantile(recent, 0.5),
        _growth(now, before, name, "headwater_stage_records_total") / span,
    )


def _sink(now: Scrape, before: Scrape, span: float, tables: TablesView) -> StageView:
    role = now.roles.get(SINK)
    if role is None:
        return StageView(SINK, tables.visible)
    lags = [sample.value for sample in role.select("headwater_consumer_lag")]
    return StageView(
        SINK,
        tables.visible,
        int(sum(lags)) if lags else _whole(role.value("headwater_sink_buffered_messages")),
        tables.latency_p50,
        _growth(now, before, SINK, "headwater_sink_rows_total") / span,
    )


def _growth(now: Scrape, before: Scrape, role: str, metric: str, **labels: str) -> float:
    if role not in now.roles or role not in before.roles:
        return 0.0
    return max(0.0, now.roles[role].total(metric, **labels) - before.roles[role].total(metric, **labels))


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


class Collector:
    """A thread that keeps `snapshot` fresh. `parts` is asked for the supervisor's view of the parts."""

    def __init__(
        self,
        base: Snapshot,
        ports: Mapping[str, int],
        tables: Tables,
        parts: Callable[[], tuple[PartView, ...]] = tuple,
        chores: Callable[[], None] = lambda: None,
    ) -> None:
        self.snapshot = base
        self.failure: BaseException | None = None
        self._ports, self._tables, self._parts, self._chores = dict(ports), tables, parts, chores
        self._history: deque[Scrape] = deque()
        self._view = TablesView()
        self._round = 0
        self._started = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="collector", daemon=True)

    def start(self) -> None:
        """Begin to poll."""
        self._thread.start()

    def stop(self) -> None:
        """Stop polling and wait for the thread."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def collect(self) -> Snapshot:
        """Poll once."""
        now = scrape(self._ports)
        self._history.append(now)
        while len(self._history) > 2 and now.at - self._history[0].at > WINDOW_SECONDS:
            self._history.popleft()
        if self._round % TABLE_EVERY == 0:
            self._view = self._tables.look()
        self._round += 1
        derived = derive(self.snapshot, now, self._history[0], self._view)
        self.snapshot = replace(derived, parts=self._parts(), uptime=time.monotonic() - self._started)
        return self.snapshot

    def _run(self) -> None:
        try:
            while not self._stop.wait(SCRAPE_SECONDS):
                self.collect()
                self._chores()
        except Exception as error:  # noqa: BLE001 - the main thread looks at it and raises it
            self.failure = error
