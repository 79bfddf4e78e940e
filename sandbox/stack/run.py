"""`headwater up`: services, preparation and roles brought up together, watched, and stopped in order."""

from __future__ import annotations

import errno
import threading
import time
from dataclasses import replace

from headwater.errors import Fatal, Transient
from headwater.retry import Backoff
from headwater.settings import Settings, chain_name, environment, load_settings, logins
from sandbox.chdb.logins import READER, WRITER
from sandbox.observing import configuration
from sandbox.observing.parts import Observers, observers
from sandbox.screen.clickhouse_view import Tables
from sandbox.screen.collector import Collector
from sandbox.screen.snapshot import PartView, Snapshot
from sandbox.services import anvil
from sandbox.services.ports import RememberedPorts
from sandbox.stack import endpoints as endpoints_file
from sandbox.stack.datadir import RUN_BYTES, DataDir, DiskFull, check_room, disk_full
from sandbox.stack.describing import describe_tokens
from sandbox.stack.node_facts import NodeFacts, ask
from sandbox.stack.options import Options, Show
from sandbox.stack.prepare import Step, apply_topics, migrate_tables, register_schemas
from sandbox.stack.receiving import LocalReceiver, apply_channels, kept_secret
from sandbox.stack.roles import GATES, ROLES, role_parts, traffic_part
from sandbox.stack.services import Programs, Stack
from sandbox.supervisor.supervisor import Part, PartStatus, Supervisor
from topics.groups import DELIVER, Need

STOP_SECONDS = 18.0  # of the 20 that a stop may take
FULL_DISK_STOP_SECONDS = 6.0  # roles would wait for brokers that cannot write
LOOK_SECONDS = 0.1
CHORE_SECONDS = 2.0
VISIBLE_SECONDS = 0.5
NODE_SECONDS = 60.0
CHAIN = "chain-known"


class Run:
    """One `headwater up`, from the open data directory to the last process's end."""

    def __init__(self, options: Options, directory: DataDir, programs: Programs, show: Show) -> None:
        self._options, self._directory, self._show = options, directory, show
        brokers = options.brokers or directory.meta.brokers or 1
        directory.bind_brokers(brokers)
        self._ports = RememberedPorts(directory.path, options.ports)
        self._stack = Stack(directory.path, programs, self._ports, brokers=brokers)
        self._receiver = LocalReceiver(
            self._ports.take("receiver"), kept_secret(directory.path / "webhook-secret")
        )
        self._observers: Observers | None = (
            observers(self._ports.take, options.time_lapse) if options.observe else None
        )
        self._metrics = {
            role.name: self._ports.take(f"metrics-{role.name}")
            for role in ROLES
            if role.name not in options.without
        }
        self._began = time.monotonic()
        self._running_since: float | None = None
        self._reasons: dict[str, int] = {}
        self._notes: list[str] = []
        self._collector: Collector | None = None
        self._tables: Tables | None = None
        self._supervisor = Supervisor((*self._stack.parts(), self._receiver.part(self._stack.logs)))
        self._snapshot = Snapshot("local" if not options.rpc else "…", data_dir=str(directory.path))

    def run(self, stop: threading.Event) -> None:
        """Run until `stop` is set or the options' limit is reached, then stop everything, in order.

        Raises the first Fatal; everything is stopped all the same.
        """
        seconds = STOP_SECONDS
        try:
            self._bring_up(stop)
            self._watch(stop)
        except DiskFull:
            seconds = FULL_DISK_STOP_SECONDS
            raise
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                seconds = FULL_DISK_STOP_SECONDS
                raise disk_full(self._directory.path, 0) from error
            raise
        finally:
            self._stop(seconds)

    def _bring_up(self, stop: threading.Event) -> None:
        facts = self._find_chain(stop)
        if facts is None:
            return
        name = chain_name(facts.chain_id)
        self._directory.bind_chain(name, facts.chain_id, facts.genesis)
        settings = self._settings(name, facts.chain_id)
        endpoints = endpoints_file.Endpoints(
            kafka=self._stack.kafka_address,
            schema_registry=self._stack.registry_url,
            clickhouse=self._stack.clickhouse_url,
            rpc=self._rpc()[0],
            metrics={role: f"http://127.0.0.1:{port}/metrics" for role, port in self._metrics.items()},
            chain=name,
            chain_id=facts.chain_id,
            clickhouse_user=WRITER,
            clickhouse_password=self._stack.clickhouse_logins.writer,
            clickhouse_reader=READER,
            clickhouse_reader_password=self._stack.clickhouse_logins.reader,
            **(self._observers.addresses if self._observers is not None else {}),
        )
        endpoints_file.write(self._directory.path, endpoints)
        self._snapshot = replace(
            self._snapshot, chain=name, chain_id=facts.chain_id, endpoints=addresses(endpoints)
        )
        self._supervisor.add((*self._pipeline(settings), *self._observing(name)))
        self._supervisor.open(CHAIN)
        self._tables = Tables(settings.clickhouse, facts.chain_id, feed=self._show.feed)
        self._collector = Collector(
            self._snapshot, self._metrics, self._tables, self._part_views, self._keep_chain
        )
        self._collector.start()
        self._prepare(settings, facts.chain_id, stop)
        self._running_since = time.monotonic()

    def _find_chain(self, stop: threading.Event) -> NodeFacts | None:
        """Start the services and learn the chain's identity; None when told to stop before."""
        meta = self._directory.meta
        if not self._options.rpc and meta.chain_id not in (0, anvil.CHAIN_ID):
            # Refuse before a local chain is made in a directory that is not for it.
            self._directory.bind_chain("local", anvil.CHAIN_ID, "")
        if self._options.rpc:
            return self._ask_nodes(stop)
        while not stop.is_set():
            self._turn()
            if self._supervisor.is_ready("anvil"):
                return ask(self._rpc())
            stop.wait(LOOK_SECONDS)
        return None

    def _ask_nodes(self, stop: threading.Event) -> NodeFacts | None:
        deadline = time.monotonic() + NODE_SECONDS
        pauses = Backoff(1.0, 1.0, jitter=False)
        while not stop.is_set():
            try:
                return ask(self._options.rpc)
            except Transient as error:
                if time.monotonic() > deadline:
                    raise Fatal(error.message, remedy=error.remedy) from error
                self._snapshot = replace(self._snapshot, message=error.message)
                self._show.update(self._snapshot)
            stop.wait(pauses.next())
        return None

    def _pipeline(self, settings: Settings) -> tuple[Part, ...]:
        roles = role_parts(
            environment(settings),
            self._stack.logs,
            self._metrics,
            needs=(CHAIN,),
            own={DELIVER: self._receiver.variables},
        )
        if self._options.rpc or self._options.traffic <= 0:
            return roles
        traffic = traffic_part(
            self._stack.rpc_url, self._options.traffic, self._options.seed, self._stack.logs, (CHAIN,)
        )
        return (*roles, traffic)

    def _observing(self, chain: str) -> tuple[Part, ...]:
        """Prometheus and Alertmanager over this chain's processes, where they were asked for."""
        if self._observers is None:
            return ()
        folder = self._directory.path / "observing"
        configuration.write(
            folder, chain, self._metrics, self._observers.alertmanager_port, self._observers.time_lapse
        )
        return self._observers.parts(folder, self._stack.logs, (CHAIN,))

    def _prepare(self, settings: Settings, chain_id: int, stop: threading.Event) -> None:
        registry_port = self._stack.registry_port
        steps = [
            Step("topics", GATES[Need.TOPICS], self._stack.kafka_parts, lambda: apply_topics(settings)),
            Step(
                "schemas",
                GATES[Need.SCHEMAS],
                ("registry",),
                lambda: register_schemas(settings, registry_port),
            ),
            Step("tables", GATES[Need.TABLES], ("clickhouse",), lambda: migrate_tables(settings, chain_id)),
        ]
        steps.append(
            Step(
                "rules", "rules-applied", (), lambda: self._apply_builtin(settings, chain_id), after=steps[:2]
            )
        )
        noted: dict[str, str] = {}
        while not stop.is_set() and not all(step.done for step in steps):
            self._turn()
            for step in steps:
                if not all(before.done for before in step.after):
                    continue
                if all(self._supervisor.is_ready(need) for need in step.needs) and step.poll():
                    self._supervisor.open(step.gate)
                    while self._notes:
                        self._show.note(self._notes.pop(0))
                if step.problem and step.problem != noted.get(step.name):
                    noted[step.name] = step.problem
                    self._show.note(f"{step.name}: trying again: {step.problem}")
            stop.wait(LOOK_SECONDS / 2)
        self._turn()

    def _apply_builtin(self, settings: Settings, chain_id: int) -> None:
        """Channels first: one gets what is published from then on."""
        channels = apply_channels(settings, self._options.channels)
        self._notes = [
            *self._options.rules(settings, channels),
            f"alerts for channel local arrive at {self._receiver.url}; {self._stack.logs / 'receiver.log'}",
        ]
        if not self._options.rpc:
            self._notes.append(describe_tokens(settings, chain_id))

    def _watch(self, stop: threading.Event) -> None:
        options, next_chore, next_look = self._options, 0.0, 0.0
        while not stop.is_set():
            self._turn()
            now = time.monotonic()
            since = now - (self._running_since or now)
            if options.for_seconds is not None and since >= options.for_seconds:
                self._show.note(f"stopping after {options.for_seconds:g} s, as asked")
                return
            if options.until_block is not None and now >= next_look:
                next_look = now + VISIBLE_SECONDS
                if self._tables is not None and self._tables.is_visible(options.until_block):
                    self._show.note(
                        f"block {options.until_block} is visible in ClickHouse: stopping, as asked"
                    )
                    return
            if now >= next_chore:
                next_chore = now + CHORE_SECONDS
                check_room(self._directory.path, RUN_BYTES)
                self._supervisor.tend_logs()
            stop.wait(LOOK_SECONDS)

    def _turn(self) -> None:
        """One turn of the main loop: children, news of deaths, the show."""
        self._supervisor.tick()
        for status in self._supervisor.status():
            if status.restarts > self._reasons.get(status.name, 0):
                self._reasons[status.name] = status.restarts
                if "No space left on device" in status.reason:
                    raise disk_full(self._directory.path, 0)
                self._show.note(
                    f"{status.name} died ({status.reason}), restarting in {status.retry_in:.1f} s"
                )
        if self._collector is not None and self._collector.failure is not None:
            raise self._collector.failure
        snapshot = self._snapshot if self._collector is None else self._collector.snapshot
        self._show.update(replace(snapshot, parts=self._part_views(), uptime=time.monotonic() - self._began))

    def _stop(self, seconds: float) -> None:
        self._show.note("draining and stopping")
        if self._collector is not None:
            self._collector.stop()
        killed = self._supervisor.stop(seconds, lambda: time.sleep(0.02))
        if killed:
            self._show.note(f"had to be killed: {', '.join(killed)}; nothing is lost")
        self._ports.release()

    def _settings(self, chain: str, chain_id: int) -> Settings:
        start = self._options.start or ("latest" if self._options.rpc else "earliest")
        return load_settings(
            {
                "data_dir": str(self._directory.path),
                "log_format": "json",
                # The receiver is on this machine.
                "delivery": {"allow_private": True},
                "kafka": {
                    "bootstrap_servers": self._stack.kafka_address,
                    "replication": len(self._stack.brokers),
                },
                "registry": {"url": self._stack.registry_url},
                "clickhouse": {
                    "url": self._stack.clickhouse_url,
                    "username": WRITER,
                    "password": self._stack.clickhouse_logins.writer,
                },
                "chain": {
                    "name": chain,
                    "chain_id": chain_id,
                    "rpc": list(self._rpc()),
                    "ws": None if self._options.rpc else [self._stack.rpc_url.replace("http", "ws", 1)],
                    "start": start,
                    # The local chain is here and makes one block per second: looking often costs nothing.
                    "poll_seconds": None if self._options.rpc else 0.2,
                },
            },
            # Those of the shell are for the services that it works with, and our own would not know them.
            ignored=logins(),
        )

    def _rpc(self) -> tuple[str, ...]:
        return self._options.rpc or (self._stack.rpc_url,)

    def _part_views(self) -> tuple[PartView, ...]:
        return tuple(part_view(status) for status in self._supervisor.status())

    def _keep_chain(self) -> None:
        if not self._options.rpc:
            anvil.keep(self._directory.path / "chain" / "state.json")


def part_view(status: PartStatus) -> PartView:
    """The supervisor's word on a part, for the screen."""
    return PartView(status.name, status.phase.value, status.restarts, status.reason, status.retry_in)


def addresses(endpoints: endpoints_file.Endpoints) -> dict[str, str]:
    """Where clients connect, under the names that the screen shows."""
    found = {
        "ClickHouse": endpoints.clickhouse,
        "Kafka": endpoints.kafka,
        "schema registry": endpoints.schema_registry,
        "node": endpoints.rpc,
        "Prometheus": endpoints.prometheus,
        "Alertmanager": endpoints.alertmanager,
    }
    return {name: address for name, address in found.items() if address}
