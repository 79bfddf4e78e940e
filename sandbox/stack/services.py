"""The services as supervised parts: which there are, what each needs, in which order they stop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sandbox.chdb.logins import kept
from sandbox.downloads import DownloadProgress, anvil_binary, java_home, kafka_jars, registry_dir
from sandbox.services import anvil, clickhouse, kafka, quickstart, registry
from sandbox.services.java import Java
from sandbox.services.ports import Ports
from sandbox.supervisor.process import Command
from sandbox.supervisor.supervisor import Part

RANK_SERVICES = 90
LOGINS = "clickhouse-logins.json"


@dataclass(frozen=True, slots=True)
class Programs:
    """Where the fetched programs are. `java` by service; `anvil` is None when no local chain is wanted."""

    java: Mapping[str, Java]
    kafka: tuple[Path, ...]
    registry: Path
    anvil: Path | None


def fetch_programs(progress: DownloadProgress, *, chain: bool = True) -> Programs:
    """Everything the services run on, fetched when absent. Raises a HeadwaterError with the remedy."""
    home, jars, unpacked = java_home(), kafka_jars(progress), registry_dir(progress)
    chain_program = anvil_binary(progress) if chain else None
    return Programs(quickstart.prepare(home, jars, unpacked, progress), jars, unpacked, chain_program)


class Stack:
    """The services of one data directory: their addresses, and the parts to supervise."""

    def __init__(self, directory: Path, programs: Programs, ports: Ports, *, brokers: int = 1) -> None:
        """Takes the ports; starts nothing. `brokers`: 1 or 3. Raises Fatal when a port is taken."""
        self.directory = directory.absolute()
        self.logs = self.directory / "logs"
        self._programs = programs
        self.brokers = tuple(
            kafka.Broker(
                number,
                ports.take("kafka" if number == 1 else f"kafka-{number}"),
                ports.take(f"kafka-controller-{number}"),
                self.directory / f"kafka-{number}",
            )
            for number in range(1, brokers + 1)
        )
        self.registry_port = ports.take("schema-registry")
        self.clickhouse_port = ports.take("clickhouse")
        self._logins = self.directory / LOGINS
        self.clickhouse_logins = kept(self._logins)
        self.chain_port = ports.take("rpc") if programs.anvil is not None else 0

    @property
    def kafka_address(self) -> str:
        """`bootstrap.servers`."""
        return kafka.bootstrap(self.brokers)

    @property
    def registry_url(self) -> str:
        """The Confluent API of the registry."""
        return registry.url(self.registry_port)

    @property
    def clickhouse_url(self) -> str:
        """ClickHouse's HTTP interface."""
        return f"http://127.0.0.1:{self.clickhouse_port}"

    @property
    def rpc_url(self) -> str:
        """The local chain's JSON-RPC, empty when there is none."""
        return f"http://127.0.0.1:{self.chain_port}" if self.chain_port else ""

    @property
    def kafka_parts(self) -> tuple[str, ...]:
        """The names of the brokers' parts."""
        return tuple(f"kafka-{broker.node_id}" for broker in self.brokers)

    def parts(self) -> tuple[Part, ...]:
        """All services. A broker that was never started is formatted by a part of its own first."""
        return (*self._kafka(), self._registry(), self._clickhouse(), *self._chain())

    def _kafka(self) -> tuple[Part, ...]:
        cluster = kafka.cluster_id(self.directory)
        parts: list[Part] = []
        for broker in self.brokers:
            name = f"kafka-{broker.node_id}"
            needs: tuple[str, ...] = ()
            if not kafka.is_formatted(broker):
                parts.append(
                    Part(
                        f"{name}-format",
                        partial(self._broker_command, broker, cluster),
                        ready=lambda: False,
                        rank=RANK_SERVICES,
                        finishes=True,
                    )
                )
                needs = (f"{name}-format",)
            parts.append(
                Part(
                    name,
                    partial(self._broker_command, broker, ""),
                    partial(kafka.is_ready, broker),
                    needs,
                    RANK_SERVICES,
                )
            )
        return tuple(parts)

    def _broker_command(self, broker: kafka.Broker, cluster: str) -> Command:
        config = kafka.write_config(broker, self.brokers)
        log = self.logs / f"kafka-{broker.node_id}.log"
        programs = self._programs
        if cluster:
            return kafka.format_command(broker, cluster, programs.java["kafka"], programs.kafka, config, log)
        return kafka.command(broker, programs.java["kafka"], programs.kafka, config, log)

    def _registry(self) -> Part:
        def command() -> Command:
            return registry.command(
                self._programs.registry,
                self._programs.java["registry"],
                self.directory / "registry",
                self.registry_port,
                self.logs / "registry.log",
            )

        return Part("registry", command, partial(registry.is_ready, self.registry_port), (), RANK_SERVICES)

    def _clickhouse(self) -> Part:
        def command() -> Command:
            return clickhouse.command(
                self.directory / "clickhouse",
                self.clickhouse_port,
                self._logins,
                self.logs / "clickhouse.log",
            )

        return Part(
            "clickhouse", command, partial(clickhouse.is_ready, self.clickhouse_port), (), RANK_SERVICES
        )

    def _chain(self) -> tuple[Part, ...]:
        program = self._programs.anvil
        if program is None:
            return ()

        def command() -> Command:
            return anvil.command(program, self.directory / "chain", self.chain_port, self.logs / "anvil.log")

        return (Part("anvil", command, partial(anvil.is_ready, self.chain_port), (), RANK_SERVICES),)
