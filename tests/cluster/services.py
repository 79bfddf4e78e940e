"""What is outside the cluster: Kafka, registry, ClickHouse and a recorded node, those of the local stack.

All of them, and the receiver of alerts (`alerting`), listen on loopback, as ever, and pods have a loopback of
their own. So the broker has a second listener on the bridge, and the others a front there (`front`).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from headwater.errors import Fatal
from headwater.settings import Settings, environment, load_settings
from sandbox.chdb.logins import WRITER, kept
from sandbox.services import clickhouse, kafka, registry
from sandbox.services.probes import http_get, http_send
from sandbox.stack.services import Programs
from sandbox.supervisor.process import Child
from tests.builders.clickhouse import question
from tests.cluster.enclosure import ADDRESS
from tests.cluster.front import front
from tests.cluster.needs import RECORDING
from tests.cluster.processes import Processes

CHAIN: Final = "ethereum"
CHAIN_ID: Final = 1
FIRST: Final = int(RECORDING.name.split("-")[2])
BLOCK_SECONDS: Final = 1.0
# Blocks for an hour: more than a run takes.
ROUNDS: Final = 160
KAFKA: Final = 19092
KAFKA_PODS: Final = 19093
REGISTRY: Final = 18081
CLICKHOUSE: Final = 18123
NODE: Final = 18545
RECEIVER: Final = 19070
FRONTS: Final = (REGISTRY, CLICKHOUSE, NODE, RECEIVER)
SECRET: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SECRET_VARIABLE: Final = "CLUSTER_RECEIVER_SECRET"
COMMAND_SECONDS: Final = 900


@dataclass(frozen=True, slots=True)
class Services:
    """The running services, as commands outside the cluster know them."""

    settings: Settings
    clickhouse: Child
    node: Child
    password: str

    @property
    def _variables(self) -> dict[str, str]:
        """The environment of a command that asks them."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_")}
        return {**own, **environment(self.settings)}

    def started(self, *words: str) -> subprocess.Popen[str]:
        """A command of Headwater's, as a person outside the cluster starts it."""
        return subprocess.Popen(
            [sys.executable, "-m", "headwater", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self._variables,
        )

    def command(self, *words: str) -> str:
        """What one printed. Raises Fatal with it when it fails or takes too long."""
        return ended(self.started(*words), *words)

    def ask(self, query: str) -> str:
        """ClickHouse's answer, or "" while there is none: no table yet, or it is away."""
        login = {
            "clickhouse": f"http://127.0.0.1:{CLICKHOUSE}",
            "clickhouse_user": WRITER,
            "clickhouse_password": self.password,
        }
        try:
            with urllib.request.urlopen(question(login, query), timeout=30) as answer:
                return str(answer.read().decode()).strip()
        except OSError:  # both are HTTP errors or no answer
            return ""

    def head(self) -> int:
        """The recorded node's head."""
        call = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}
        _, answer = http_send(NODE, "POST", "/", call)
        return int(orjson.loads(answer)["result"], 16)

    @contextmanager
    def clickhouse_away(self) -> Iterator[None]:
        """ClickHouse stands still: it accepts connections and answers nothing."""
        with _paused(self.clickhouse):
            yield

    @contextmanager
    def node_away(self) -> Iterator[None]:
        """The node stands still, and with it the chain."""
        with _paused(self.node):
            yield


@contextmanager
def _paused(child: Child) -> Iterator[None]:
    os.kill(child.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(child.pid, signal.SIGCONT)


def ended(process: subprocess.Popen[str], *words: str) -> str:
    """What a command printed. Raises Fatal with it when it fails, or takes too long."""
    try:
        output, _ = process.communicate(timeout=COMMAND_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise Fatal(f"headwater {' '.join(words)} was not done in {COMMAND_SECONDS} s") from error
    if process.returncode != 0:
        raise Fatal(f"headwater {' '.join(words)} leaves with {process.returncode}:\n{output}")
    return output


@contextmanager
def running(processes: Processes, programs: Programs, folder: Path) -> Iterator[Services]:
    """Start them all, and wait until each answers."""
    folder.mkdir()
    _start_kafka(processes, programs, folder / "kafka")
    java = programs.java["registry"]
    processes.run(
        registry.command(
            programs.registry, java, folder / "registry", REGISTRY, processes.logs / "registry.log"
        )
    )
    logins = folder / "logins.json"
    passwords = kept(logins)
    engine = processes.run(
        clickhouse.command(folder / "clickhouse", CLICKHOUSE, logins, processes.logs / "clickhouse.log")
    )
    serve = ("-m", "headwater", "node", "serve", str(RECORDING), "--port", str(NODE))
    pace = ("--pace", str(BLOCK_SECONDS), "--loop", str(ROUNDS))
    chain = processes.start("node", sys.executable, *serve, *pace)
    processes.until(lambda: registry.is_ready(REGISTRY), "the registry answers")
    registry.require_compatibility(REGISTRY)
    processes.until(lambda: clickhouse.is_ready(CLICKHOUSE), "ClickHouse answers")
    processes.until(lambda: http_get(NODE, "/")[0] != 0, "the recorded node answers")
    with front(ADDRESS, FRONTS):
        yield Services(_settings(folder, passwords.writer), engine, chain, passwords.writer)


def _start_kafka(processes: Processes, programs: Programs, folder: Path) -> None:
    broker = kafka.Broker(1, KAFKA, 19094, folder)
    values = properties(broker)
    config = kafka.write_config(broker, (broker,))
    config.write_text("".join(f"{key}={value}\n" for key, value in values.items()))
    java, jars, log = programs.java["kafka"], programs.kafka, processes.logs / "kafka.log"
    processes.finish(kafka.format_command(broker, kafka.cluster_id(folder), java, jars, config, log))
    processes.run(kafka.command(broker, java, jars, config, log))
    processes.until(lambda: kafka.is_ready(broker), "Kafka accepts clients")


def properties(broker: kafka.Broker) -> dict[str, str]:
    """A broker's, with a listener that tells pods the bridge's address."""
    values = kafka.properties(broker, (broker,))
    own = f",PODS://{ADDRESS}:{KAFKA_PODS}"
    values["listeners"] += own
    values["advertised.listeners"] += own
    values["listener.security.protocol.map"] += ",PODS:PLAINTEXT"
    return values


def _settings(folder: Path, password: str) -> Settings:
    return load_settings(
        {
            "data_dir": str(folder / "data"),
            "kafka": {"bootstrap_servers": f"127.0.0.1:{KAFKA}", "replication": 1},
            "registry": {"url": registry.url(REGISTRY)},
            "clickhouse": {
                "url": f"http://127.0.0.1:{CLICKHOUSE}",
                "username": WRITER,
                "password": password,
            },
            "chain": {
                "name": CHAIN,
                "chain_id": CHAIN_ID,
                "rpc": [f"http://127.0.0.1:{NODE}"],
                "start": str(FIRST),
            },
            "delivery": {"allow_private": True},
        },
        environ={},
    )
