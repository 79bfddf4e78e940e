"""The loop: keeps the contracts there, sends what is chosen at the set rate, and forks the chain.

It holds nothing that cannot be read again: nonces and what senders own come from the chain at the
start, after every rejected call, reorg and restart of the node.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import cast

from connectors.evm.rpc import chain_id
from connectors.evm.rpc.answers import NodeFailure
from headwater.errors import Fatal
from headwater.logging import get_logger
from sandbox.traffic.accounts import SENDERS, accounts
from sandbox.traffic.actions import Chooser
from sandbox.traffic.bloblane import BlobLane
from sandbox.traffic.deployment import places, script
from sandbox.traffic.forking import Forker
from sandbox.traffic.holdings import Nonces, read_inventory, read_nonces
from sandbox.traffic.makers import Inventory
from sandbox.traffic.node import CallRejected, Node, NodeAway
from sandbox.traffic.outbox import Outbox
from sandbox.traffic.signing import Fees, sign_step

TICK_SECONDS = 0.25
RECONNECT_SECONDS = 0.5
DEPLOY_SECONDS = 20.0
INVENTORY_SECONDS = 10.0
SUMMARY_SECONDS = 60.0
BACKLOG_SECONDS = 5
"""More pending transactions than this many seconds of traffic means that the node cannot keep up."""

log = get_logger("headwater.traffic")


@dataclass(frozen=True, slots=True)
class Traffic:
    """What to make: transactions a second, and reorgs of a depth every so many seconds (0: none)."""

    rate: float
    seed: int
    reorg_every: float = 30.0
    reorg_depth: tuple[int, int] = (1, 3)


class Generator:
    """Traffic on one local chain. `sent` counts transactions by kind, `fates` by fate.

    `progress` is called with the generator after everything that it did.
    """

    def __init__(
        self, node: Node, traffic: Traffic, progress: Callable[["Generator"], object] | None = None
    ) -> None:
        self._progress = progress or (lambda _: None)
        self._node = node
        self._traffic = traffic
        self._chooser = Chooser(traffic.seed)
        self._forker = Forker(node, Random(f"headwater reorgs {traffic.seed}"), traffic.reorg_depth)
        self._timing = Random(f"headwater reorg times {traffic.seed}")
        self._blobs = BlobLane(node)
        self._nonces = Nonces()
        self._inventory = Inventory()
        self._chain_id = 0
        self.sent: Counter[str] = Counter()
        self.fates: Counter[str] = Counter()

    @property
    def reorgs(self) -> int:
        """How many reorgs were made."""
        return self._forker.done

    async def run(self, ended: asyncio.Event) -> None:
        """Make traffic until `ended` is set. Raises Fatal when the node is not a local development chain."""
        try:
            await self._run(ended)
        finally:
            await self._blobs.close()

    async def _run(self, ended: asyncio.Event) -> None:
        away = False
        while not ended.is_set():
            try:
                await self._open()
                log.info("traffic starts", rate=self._traffic.rate, seed=self._traffic.seed, again=away)
                away = False
                await self._drive(ended)
            except (NodeAway, NodeFailure, CallRejected) as reason:
                if not away:
                    log.warning("the node is away, waiting for it", reason=str(reason))
                away = True
                await _pause(ended, RECONNECT_SECONDS)

    async def _open(self) -> None:
        """Get to know the chain again: identity, contracts, nonces, holdings."""
        version = str(await self._node.call("web3_clientVersion"))
        if not version.startswith("anvil/"):
            raise Fatal(f"the node is {version}, no local development chain", remedy="point --rpc at anvil")
        self._chain_id = chain_id.read("the node", await self._node.call(chain_id.METHOD))
        mining = await self._node.batch([("anvil_getAutomine", []), ("anvil_getIntervalMining", [])])
        if mining == [False, None]:
            log.warning("mining stands still, as a killed reorg leaves it: one block per second again")
            await self._node.call("evm_setIntervalMining", 1)
        await self._node.call("anvil_dropAllTransactions")
        await self._deploy()
        await self._read()

    async def _drive(self, ended: asyncio.Event) -> None:
        started = read = reported = time.monotonic()
        fork_at = started + self._until_fork()
        owed = 0.0
        while not await _pause(ended, TICK_SECONDS):
            now = time.monotonic()
            owed = min(owed + self._traffic.rate * (now - started), max(1.0, self._traffic.rate))
            started = now
            if now >= fork_at:
                await self._fork()
                started = time.monotonic()
                fork_at = started + self._until_fork()
            if now - read >= INVENTORY_SECONDS:
                self._inventory = await read_inventory(self._node)
                read = now
            if now - reported >= SUMMARY_SECONDS:
                log.info("traffic goes on", reorgs=self.reorgs, **self.sent, **self.fates)
                reported = now
            if owed >= 1:
                await self._send(int(owed))
                owed -= int(owed)
                self._progress(self)

    def _until_fork(self) -> float:
        every = self._traffic.reorg_every
        return every * self._timing.uniform(0.5, 1.5) if every > 0 else float("inf")

    async def _fork(self) -> None:
        made = await self._forker.fork()
        if made is not None:
            kept = {"moved": made.moved, "resent": made.resent, "lost": made.lost}
            log.info("reorg", depth=made.depth, head=made.head, **kept)
        await self._deploy()
        await self._read()

    async def _deploy(self) -> None:
        """Send what is missing of the deployment script and wait until it is mined."""
        deployer, steps = accounts().deployer.address, script()
        at = await self._deployed(deployer)
        if at < len(steps):
            log.info("deploying contracts", step=at, steps=len(steps))
            fees = await self._fees()
            signed = [sign_step(steps[n], n, fees, self._chain_id) for n in range(at, len(steps))]
            await self._node.batch([("eth_sendRawTransaction", [tx.raw]) for tx in signed])
            deadline = time.monotonic() + DEPLOY_SECONDS
            while await self._deployed(deployer) < len(steps):
                if time.monotonic() > deadline:
                    raise NodeAway("the contracts are not mined")
                await asyncio.sleep(TICK_SECONDS)
        there = places()
        wanted = (there.gold, there.silver, there.collectible, there.items, there.pair)
        if "0x" in await self._node.batch([("eth_getCode", [place, "latest"]) for place in wanted]):
            raise Fatal(
                f"account {deployer} of this chain was used for something else",
                remedy="start a new local chain",
            )

    async def _deployed(self, deployer: str) -> int:
        return int(str(await self._node.call("eth_getTransactionCount", deployer, "latest")), 16)

    async def _send(self, count: int) -> None:
        """Send `count` new transactions, none while the node is behind."""
        status = cast(dict[str, str], await self._node.call("txpool_status"))
        if int(status["pending"], 16) > max(100.0, BACKLOG_SECONDS * self._traffic.rate):
            return
        if self._nonces.unsure or int(status["queued"], 16):
            await self._settle(int(status["queued"], 16) > 0)
        outbox = Outbox(self._nonces, await self._fees(), self._chain_id)
        for _ in range(count):
            if len(outbox.closed) == SENDERS - 1:
                break
            action = self._chooser.next(self._inventory, outbox.closed)
            outbox.add(action)
            self.sent[action.kind.value] += 1
            self.fates[action.fate.value] += 1
        await outbox.send(self._node)
        self._blobs.send(outbox.blobs, self._nonces)

    async def _settle(self, queued: bool) -> None:
        """Clear away what waits behind a missing nonce, and read the nonces again."""
        senders = range(SENDERS) if queued else sorted(self._nonces.unsure)
        calls = [("anvil_removePoolTransactions", [accounts().senders[who].address]) for who in senders]
        await self._node.batch([(method, list[object](params)) for method, params in calls])
        self._nonces = await read_nonces(self._node)

    async def _read(self) -> None:
        self._nonces = await read_nonces(self._node)
        self._inventory = await read_inventory(self._node)

    async def _fees(self) -> Fees:
        block = cast(dict[str, str], await self._node.call("eth_getBlockByNumber", "latest", False))
        return Fees(int(block["baseFeePerGas"], 16))


async def _pause(ended: asyncio.Event, seconds: float) -> bool:
    """Wait, and tell whether the end came meanwhile."""
    try:
        await asyncio.wait_for(ended.wait(), seconds)
    except TimeoutError:
        return False
    return True
