"""Apache Kafka in KRaft mode, one broker or three, each broker its own controller too."""

from __future__ import annotations

import base64
import os
import uuid
from dataclasses import dataclass
from pathlib import Path

from sandbox.services.java import Java
from sandbox.services.probes import answers_tcp
from sandbox.supervisor.process import Command

MESSAGE_BYTES = 33 << 20  # the largest message allowed by topics is 32 MiB, and a batch has a header
MIB = 1 << 20
CLUSTER_FILE = "cluster-id"


@dataclass(frozen=True, slots=True)
class Broker:
    """One broker: ids from 1, both ports on loopback, data and log below `directory`."""

    node_id: int
    port: int
    controller_port: int
    directory: Path


def bootstrap(brokers: tuple[Broker, ...]) -> str:
    """The client's `bootstrap.servers`."""
    return ",".join(f"127.0.0.1:{broker.port}" for broker in brokers)


def properties(broker: Broker, brokers: tuple[Broker, ...]) -> dict[str, str]:
    """server.properties of one broker of a cluster of `brokers`."""
    copies = str(len(brokers))
    in_sync = "2" if len(brokers) > 1 else "1"
    return {
        "process.roles": "broker,controller",
        "node.id": str(broker.node_id),
        "controller.quorum.voters": ",".join(f"{b.node_id}@127.0.0.1:{b.controller_port}" for b in brokers),
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listeners": f"PLAINTEXT://127.0.0.1:{broker.port},CONTROLLER://127.0.0.1:{broker.controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{broker.port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str(broker.directory / "data"),
        "auto.create.topics.enable": "false",
        "message.max.bytes": str(MESSAGE_BYTES),
        "replica.fetch.max.bytes": str(MESSAGE_BYTES),
        "log.message.timestamp.type": "LogAppendTime",
        "default.replication.factor": copies,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": copies,
        "offsets.topic.num.partitions": "8",
        # A stack that rested for a month still knows where its groups stopped.
        "offsets.retention.minutes": str(365 * 24 * 60),
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": in_sync,
        "transaction.state.log.num.partitions": "8",
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": in_sync,
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        # Brokers stop together: the last one of several would wait for a controller that is gone.
        "controlled.shutdown.enable": "true" if len(brokers) == 1 else "false",
        # A broker that was killed may register again only when its old session has run out.
        "broker.session.timeout.ms": "4000",
        "broker.heartbeat.interval.ms": "500",
        "controller.quorum.election.timeout.ms": "500",
        "controller.quorum.fetch.timeout.ms": "2000" if len(brokers) > 1 else "500",
        "num.network.threads": "2",
        "num.io.threads": "4",
        "num.recovery.threads.per.data.dir": "2",
        "log.cleaner.dedupe.buffer.size": str(8 * MIB),
        "log.cleaner.io.buffer.size": str(MIB // 2),
        "log.index.size.max.bytes": str(MIB),
        "log.segment.bytes": str(256 * MIB),
        "log.retention.check.interval.ms": "60000",
        "telemetry.max.bytes": str(MIB),
        "remote.log.storage.system.enable": "false",
    }


def write_config(broker: Broker, brokers: tuple[Broker, ...]) -> Path:
    """Write the broker's properties file; asked for before each start, as ports may have changed."""
    broker.directory.mkdir(parents=True, exist_ok=True)
    path = broker.directory / "server.properties"
    path.write_text("".join(f"{key}={value}\n" for key, value in properties(broker, brokers).items()))
    return path


def java_options(directory: Path, quick: tuple[str, ...], heap_mib: int = 384) -> tuple[str, ...]:
    """For a small broker: little heap, little compiling, no large buffers kept a thread.

    `quick`: options of `sandbox.services.quickstart`.
    """
    return (
        *quick,
        "-Xms64m",
        f"-Xmx{heap_mib}m",
        "-Xss512k",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-XX:MaxMetaspaceSize=128m",
        "-XX:ReservedCodeCacheSize=48m",
        "-XX:-UsePerfData",
        f"-Djdk.nio.maxCachedBufferSize={MIB}",
        f"-XX:ErrorFile={directory}/hs_err.log",
        "-Djava.awt.headless=true",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "-Dorg.slf4j.simpleLogger.showDateTime=true",
        "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS",
        "-Dorg.slf4j.simpleLogger.showThreadName=false",
        "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.utils.AppInfoParser=info",
    )


def cluster_id(directory: Path) -> str:
    """The cluster's id, made once: 16 bytes in URL-safe base64."""
    path = directory / CLUSTER_FILE
    if not path.exists():
        directory.mkdir(parents=True, exist_ok=True)
        path.write_text(base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("="))
    return path.read_text().strip()


def is_formatted(broker: Broker) -> bool:
    """Was the broker's data directory prepared?"""
    return (broker.directory / "data" / "meta.properties").exists()


def format_command(
    broker: Broker, cluster: str, java: Java, jars: tuple[Path, ...], config: Path, log: Path
) -> Command:
    """How to prepare a broker's data directory; harmless to a prepared one."""
    tool = ("kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "--config", str(config))
    return _java(f"kafka-{broker.node_id}-format", broker, java, jars, (*tool, "--ignore-formatted"), log)


def command(broker: Broker, java: Java, jars: tuple[Path, ...], config: Path, log: Path) -> Command:
    """How to run a prepared broker."""
    return _java(f"kafka-{broker.node_id}", broker, java, jars, ("kafka.Kafka", str(config)), log)


def _java(
    name: str, broker: Broker, java: Java, jars: tuple[Path, ...], program: tuple[str, ...], log: Path
) -> Command:
    classes = os.pathsep.join(map(str, jars))
    argv = (java.program, *java_options(broker.directory, java.options), "-cp", classes, *program)
    return Command(name=name, argv=argv, log=log, cwd=broker.directory)


def is_ready(broker: Broker) -> bool:
    """Does the broker accept clients? It opens this port last, when it is unfenced."""
    return answers_tcp(broker.port)
