"""The whole line on geth, a node of another kind than anvil: where HEADWATER_TEST_GETH names its binary.

CONTRIBUTING.md says how to have one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Self

import pytest

from sandbox.services.ports import Ports
from tests.integration.checks import check_no_dead_letters, check_topics, check_verify
from tests.integration.line import Line
from tests.integration.listener_process import ask
from tests.integration.waiting import until
from tests.paths import DATA

GETH = os.environ.get("HEADWATER_TEST_GETH")
CHAIN = DATA / "execution-apis"
pytestmark = [
    pytest.mark.skipif(GETH is None, reason="no geth: set HEADWATER_TEST_GETH to its binary"),
    pytest.mark.timeout(600),
]


class Geth:
    """A geth of the test's own, with what it listens on. A context that leaves no process behind."""

    def __init__(self, directory: Path, ports: Ports, *flags: str) -> None:
        self.directory = directory
        self.http, self.ws, self.engine = (ports.take(f"geth-{each}") for each in ("http", "ws", "engine"))
        self.secret = directory / "jwt"
        self.secret.write_text("11" * 32)
        apis = "eth,net,web3,debug"
        with (directory / "geth.log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *(
                        str(GETH),
                        "--datadir",
                        str(directory),
                        "--port",
                        "0",
                        "--nodiscover",
                        "--maxpeers",
                        "0",
                    ),
                    *("--http", "--http.port", str(self.http), "--http.api", apis),
                    *("--ws", "--ws.port", str(self.ws), "--ws.api", apis),
                    *("--authrpc.port", str(self.engine), "--authrpc.jwtsecret", str(self.secret)),
                    *flags,
                ],
                stderr=log,
            )

    def __enter__(self) -> Self:
        try:
            until(self._answers, "geth answers")
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http}"

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self.directory / "geth.log").read_text()[-2000:]
        try:
            return bool(ask(self.url, "eth_chainId"))
        except OSError:
            return False

    def fork_choice(self, request: bytes) -> object:
        """What the engine API answers to a request of the consensus client's."""
        parts = [json.dumps({"alg": "HS256", "typ": "JWT"}), json.dumps({"iat": int(time.time())})]
        signed = b".".join(base64.urlsafe_b64encode(each.encode()).rstrip(b"=") for each in parts)
        key = bytes.fromhex(self.secret.read_text())
        mac = base64.urlsafe_b64encode(hmac.new(key, signed, hashlib.sha256).digest()).rstrip(b"=")
        headers = {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {(signed + b'.' + mac).decode()}",
        }
        posted = urllib.request.Request(f"http://127.0.0.1:{self.engine}", request, headers)
        with urllib.request.urlopen(posted, timeout=30) as answer:
            return json.load(answer)

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "geth"
    path.mkdir()
    return path


@pytest.fixture
def dev(directory: Path, ports: Ports) -> Iterator[Geth]:
    """A chain that makes a block every second."""
    with Geth(directory, ports, "--dev", "--dev.period", "1") as geth:
        yield geth


@pytest.fixture
def imported(directory: Path, ports: Ports) -> Iterator[Geth]:
    """The 54 blocks of execution-apis, with every type of transaction; all of them are final."""
    if not CHAIN.exists():
        pytest.skip(f"no chain at {CHAIN}: set HEADWATER_TEST_DATA")
    for words in (("init", CHAIN / "genesis.json"), ("import", CHAIN / "chain.rlp")):
        done = subprocess.run([str(GETH), "--datadir", directory, *words], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
    with Geth(directory, ports) as geth:
        answer = geth.fork_choice((CHAIN / "headfcu.json").read_bytes())
        assert "VALID" in str(answer), answer
        yield geth


def _line(tmp_path: Path, geth: Geth, **variables: str) -> Line:
    return Line(tmp_path / "line", "--rpc", geth.url, "--start", "earliest", variables=variables)


def _is_a_row(line: Line, transaction: str) -> bool:
    return line.sql(f"SELECT count() FROM canonical.transactions WHERE hash = '{transaction}'") == [[1]]


def test_a_chain_that_grows_is_followed_by_what_its_websocket_tells(dev: Geth, tmp_path: Path) -> None:
    (sender,) = ask(dev.url, "eth_accounts")  # type: ignore[misc]
    line = _line(
        tmp_path,
        dev,
        HEADWATER_CHAIN__WS=f"ws://127.0.0.1:{dev.ws}",
        HEADWATER_CHAIN__POLL_SECONDS="3600",
        HEADWATER_CHAIN__VERIFY_ROOTS="all",
    )
    try:
        line.start()
        for number in range(5):
            transfer = {"from": sender, "to": f"0x{number + 1:040x}", "value": hex(10**18)}
            sent = ask(dev.url, "eth_sendTransaction", transfer)
            line.wait_until(partial(_is_a_row, line, str(sent)), "the transfer is a row", 60)
        assert "told of new heads" in line.role_log("listen")
        check_verify(line)
        check_no_dead_letters(line)
        assert line.stop() == 0
    finally:
        line.end()


def test_all_types_of_transactions_with_their_roots(imported: Geth, tmp_path: Path) -> None:
    head = int(str(ask(imported.url, "eth_blockNumber")), 16)
    assert head == 54
    line = _line(tmp_path, imported, HEADWATER_CHAIN__VERIFY_ROOTS="all")
    try:
        line.start()
        line.wait_until(lambda: (line.visible() or (0, ""))[0] == head, "the head is visible", 120)
        final = "SELECT count() FROM finalized.blocks"
        line.wait_until(lambda: line.sql(final) == [[head + 1]], "all blocks are final", 60)
        types = line.sql("SELECT DISTINCT transaction_type FROM canonical.transactions ORDER BY 1")
        assert [each for (each,) in types] == [0, 1, 2, 3, 4]
        check_topics(line, 0, head)
        check_verify(line)
        check_no_dead_letters(line)
        assert line.stop() == 0
    finally:
        line.end()
