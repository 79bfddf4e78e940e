"""`headwater listen` as a process, and what its log and its node say."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from connectors.evm.log.kafka_store import KafkaStore
from headwater.settings import Settings, environment
from tests.fakes.listening import hashes
from tests.integration.waiting import until

HEADWATER = str(Path(sys.executable).with_name("headwater"))
SECONDS = 30.0


class Role:
    """A listener process; its log lines are in a file."""

    def __init__(self, settings: Settings, rpc: str, path: Path, *flags: str, **more: str) -> None:
        self.path = path
        env = {name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_")}
        env |= environment(settings) | more | {"HEADWATER_CLIENT_ID": path.stem}
        with path.open("wb") as lines:
            self.process = subprocess.Popen(
                [HEADWATER, "listen", "--rpc", rpc, *flags], env=env, stderr=lines
            )

    def wait_for(self, words: str) -> re.Match[str]:
        """Wait until its log says something."""
        found: list[re.Match[str]] = []

        def has_logged() -> bool:
            found.extend(re.finditer(words, self.path.read_text()))
            return bool(found) or self.process.poll() is not None

        until(has_logged, lambda: f"{words!r} in {self.path.read_text()[-2000:]}")
        assert found, self.path.read_text()[-2000:]
        return found[0]

    def stop(self) -> tuple[int, float]:
        """SIGTERM; exit code and seconds it took."""
        start = time.monotonic()
        self.process.terminate()
        return self.process.wait(SECONDS), time.monotonic() - start


def ask(rpc: str, method: str, *params: object) -> object:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(rpc, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        return json.load(answer)["result"]


def chain_of(rpc: str) -> list[str]:
    """Hashes of the node's canonical chain, from block 0."""
    head = int(str(ask(rpc, "eth_blockNumber")), 16)
    blocks = [ask(rpc, "eth_getBlockByNumber", hex(number), False) for number in range(head + 1)]
    return [str(block["hash"]) for block in blocks if isinstance(block, dict)]


def follows(log: KafkaStore, rpc: str) -> Callable[[], bool]:
    return lambda: hashes(log) == chain_of(rpc)
