"""What tests of the listener share: a log in memory, a node in process, a listener put together on them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from aiohttp import ClientPayloadError

from connectors.evm.blocks.checks import Verifier
from connectors.evm.blocks.fetch.fetcher import Fetcher
from connectors.evm.blocks.roots import RootChecks
from connectors.evm.events import Content, Event, Head
from connectors.evm.head import finality
from connectors.evm.head.age import HeadAge
from connectors.evm.head.listener import Listener
from connectors.evm.head.progress import ProgressReporter
from connectors.evm.log.async_log import AsyncLog
from connectors.evm.log.codec import EventCodec, Numbered, Stored
from connectors.evm.log.retention import Retention
from connectors.evm.log.search import Search
from connectors.evm.log.store import LogStore, Outgoing
from connectors.evm.log.writer import ChainLog
from connectors.evm.pool.asking.deadline import SECONDS
from connectors.evm.pool.nodes import Nodes
from connectors.evm.pool.quorum import Quorum
from connectors.evm.repair.preparation import Preparation
from connectors.evm.repair.service import Repairs
from connectors.evm.rpc.answers import HttpAnswer
from connectors.evm.rpc.endpoint import Endpoint
from headwater.errors import Fatal, Transient
from headwater.evm.bloom import Bloom
from headwater.settings import ChainSettings
from headwater.settings.profiles import profile_of
from sandbox.node import AdjustableChain
from sandbox.node.faults import Disconnect, Fault, HalfWritten, Silence, Status, damaged
from sandbox.node.server import RecordedNode
from tests.fakes.repair_channel import MemoryChannel, MemoryOutcomes
from topics.chainlog.claims import ClaimFilter, Verdict
from topics.chainlog.kinds import EventKind

CHAIN_ID = 31337


class MemoryStore:
    """A LogStore in memory. Several of them may share `log`, as listeners share a topic."""

    def __init__(self, log: list[tuple[int, Outgoing]] | None = None) -> None:
        self.log: list[tuple[int, Outgoing]] = [] if log is None else log
        self.fail_appends = 0
        self.lose_answer = False
        self.before_append: list[Outgoing] = []
        self.trimmed = 0
        self.time_ms = 0
        self.times: list[int] = []
        self._written = threading.Condition()
        self.topic = "raw-blocks"

    async def until(self, fact: Callable[[], bool], seconds: float = 20) -> None:
        """Wait until something is true that only a write makes true. Raises TimeoutError."""

        def wait() -> bool:
            with self._written:
                return self._written.wait_for(fact, seconds)

        if not await asyncio.to_thread(wait):
            raise TimeoutError(f"not true after {seconds} s")

    def bounds(self) -> tuple[int, int]:
        return self.trimmed, len(self.log)

    def read(self, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        if self.trimmed > start < end:
            raise Fatal(f"the log no longer holds offset {start}")
        for offset, message in self.log[start:end]:
            yield offset, message.value

    def append(self, messages: Sequence[Outgoing]) -> list[int]:
        others, self.before_append = self.before_append, []
        for message in others:
            self._write(message)
        if self.fail_appends:
            self.fail_appends -= 1
            if self.lose_answer:
                self._write(messages[0])
            raise Transient("the broker is away")
        return [self._write(message) for message in messages]

    def _write(self, message: Outgoing) -> int:
        with self._written:
            self.log.append((len(self.log), message))
            self.times.append(self.time_ms)
            self._written.notify_all()
            return len(self.log) - 1

    def renew(self) -> None:
        """Nothing is ever under way here."""

    def trim(self, before: int) -> None:
        self.trimmed = before

    def offset_at(self, time_ms: int) -> int | None:
        return next((offset for offset, time in enumerate(self.times) if time >= time_ms), None)

    def interrupt(self) -> None:
        """No call blocks."""

    def close(self) -> None:
        """Nothing to release."""


@dataclass(slots=True)
class NodeTransport:
    """Posts to recorded nodes in the same process, by address; an address without one refuses."""

    nodes: dict[str, RecordedNode] = field(default_factory=dict)
    tags: dict[str, Fault] = field(default_factory=dict)
    """What every call for a tag is answered with."""

    async def post(self, url: str, body: bytes) -> HttpAnswer:
        await asyncio.sleep(0)
        node = self.nodes.get(url)
        if node is None:
            raise ConnectionRefusedError(111, "Connection refused")
        for tag, spoilt in self.tags.items():
            if f'"{tag}"'.encode() in body:
                node.faults.add(spoilt, "eth_getBlockByNumber")
        answer, fault = node.respond(body)
        match fault:
            case Silence():
                raise TimeoutError
            case Disconnect():
                raise ConnectionResetError(104, "Connection reset by peer")
            case HalfWritten():
                raise ClientPayloadError("Response payload is not completed")
            case Status(status, text, _, retry_after):
                return HttpAnswer(status, text.encode(), None if retry_after is None else f"{retry_after:g}")
        return HttpAnswer(200, damaged(fault, answer))

    async def close(self) -> None:
        """Nothing to release."""


class NoCopies:
    """Copies that go nowhere but into a list."""

    def __init__(self) -> None:
        self.movements: list[tuple[str, int]] = []

    def moved(self, tag: str, head: Head, sequence: int) -> None:
        self.movements.append((tag, head.number))


class Looks:
    """A ticker that never waits; pauses are recorded instead of slept."""

    async def wait(self) -> None:
        await asyncio.sleep(0)

    def looked(self, number: int) -> None:
        """Nothing follows from it."""


@dataclass(slots=True)
class Rig:
    """A listener on a node in process and a store; `pauses` are the backoffs it would have slept."""

    listener: Listener
    log: AsyncLog
    nodes: Nodes
    fetcher: Fetcher
    copies: NoCopies
    pauses: list[float]
    transport: NodeTransport
    repairs: Repairs
    channel: MemoryChannel

    async def settle(self, rounds: int = 100) -> None:
        """Rounds until the listener has nothing left to do at once."""
        for _ in range(rounds):
            if not await self.listener.round():
                return
        raise AssertionError(f"not settled after {rounds} rounds")

    async def answer(self, fact: Callable[[], object] | None = None) -> None:
        """Serve requests until the fact is one, or until all that were asked are answered."""
        until = fact or (lambda: self.channel.committed == len(self.channel.requests))
        async with asyncio.timeout(30):
            while not until():
                await self.repairs.serve()
                await asyncio.sleep(0)

    async def close(self) -> None:
        """As the process does in the end."""
        await self.repairs.close()
        await self.log.close()


def make_rig(
    store: LogStore,
    nodes: Sequence[RecordedNode] | dict[str, RecordedNode],
    *,
    chain: ChainSettings | None = None,
    accept_fork: bytes | None = None,
    now_ms: int = 1_700_000_000_000,
    part_bytes: int = 24 * 1024 * 1024,
    name: str = "listener",
    age: HeadAge | None = None,
    channel: MemoryChannel | None = None,
    seconds: float = SECONDS,
    verifier: Verifier | None = None,
) -> Rig:
    """A listener whose log is not opened yet; a question to its nodes may take `seconds`."""
    by_url = nodes if isinstance(nodes, dict) else {f"http://node{n}": node for n, node in enumerate(nodes)}
    settings = chain or ChainSettings(chain_id=CHAIN_ID, start="earliest", prefetch_blocks=4)
    transport = NodeTransport(by_url)
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(0)

    endpoints = [Endpoint("local", url, url, transport) for url in by_url]
    pool = Nodes(endpoints, settings.chain_id, sleep=sleep, seconds=seconds)
    quorum = Quorum("local", pool, settings.quorum, settings.stale_head_seconds)
    exempt = profile_of(settings.chain_id or CHAIN_ID, settings).exemptions
    verifier = verifier or Verifier(Bloom(), exempt=exempt, roots=RootChecks(Bloom(), exempt=exempt))
    fetcher = Fetcher(
        "local",
        pool,
        verifier,
        settings.traces,
        quorum=quorum if settings.quorum > 1 else None,
        cache_bytes=settings.cache_bytes,
    )
    codec = EventCodec(settings.chain_id or CHAIN_ID, 7, part_bytes=part_bytes)
    log = AsyncLog(ChainLog(store, codec, name, lambda: now_ms), Retention(lambda: now_ms))
    copies = NoCopies()
    progress = ProgressReporter("local", copies)
    channel = channel or MemoryChannel()
    aside = Fetcher("local", pool.aside(), verifier, settings.traces)
    preparation = Preparation(codec.chain_id, log, Search(store, codec), aside)
    repairs = Repairs(
        "local", channel.reader(), MemoryOutcomes(channel), log, progress, preparation, lambda: now_ms
    )
    listener = Listener(
        settings,
        pool,
        fetcher,
        log,
        progress,
        Looks(),
        accept_fork=accept_fork,
        age=age,
        repairs=repairs,
    )
    looks = count()
    # Each look at a head that went back takes a second, as where nothing notifies of heads.
    listener._forks._clock = lambda: float(next(looks))
    refusals = count()
    listener._refusals._clock = lambda: float(next(refusals))
    return Rig(listener, log, pool, fetcher, copies, pauses, transport, repairs, channel)


async def settled_rig(
    store: LogStore, nodes: Sequence[RecordedNode] | dict[str, RecordedNode], **options: Any
) -> Rig:
    """A listener that has opened its log and has nothing left to do; `options` are those of `make_rig`."""
    rig = make_rig(store, nodes, **options)
    await rig.log.open()
    await rig.settle()
    return rig


def stored(store: LogStore) -> list[Stored]:
    """Every message of the log."""
    low, end = store.bounds()
    return list(EventCodec(CHAIN_ID, 7).read(list(store.read(low, end))))


def accepted(store: LogStore) -> list[Stored]:
    """What a reader accepts; asserts that there is no gap."""
    reader = ClaimFilter()
    verdicts = [(each, reader.judge(each.position)) for each in stored(store)]
    assert all(verdict is not Verdict.GAP for _, verdict in verdicts)
    return [each for each, verdict in verdicts if verdict is Verdict.ACCEPT]


def canonical(store: LogStore) -> list[Head]:
    """The chain that a consumer of the accepted events ends with; asserts that each event fits."""
    chain: list[Head] = []
    for each in accepted(store):
        if each.head is None or each.position.part != each.position.parts - 1:
            continue
        if each.kind is EventKind.APPLY:
            assert not chain or (each.head.parent, each.head.number) == (chain[-1].hash, chain[-1].number + 1)
            chain.append(each.head)
        elif each.kind is EventKind.REVERT:
            assert chain.pop() == each.head
        else:
            is_there = each.head.hash in {head.hash for head in chain}
            assert is_there == (each.kind is not EventKind.REPAIR_REVERT)
    return chain


def hashes(store: LogStore) -> list[str]:
    """Hashes of that chain as a node shows them."""
    return ["0x" + head.hash.hex() for head in canonical(store)]


def made_up_head(number: int, branch: int = 0, parent: Head | None = None) -> Head:
    """A head that no node ever had."""
    identity = bytes((branch,)) * 24 + number.to_bytes(8, "big")
    return Head(number, identity, parent.hash if parent else bytes(32), number * 12_000)


def made_up_apply(head: Head, size: int = 10) -> Event:
    """An APPLY of that head with `size` bytes of block."""
    return Event(EventKind.APPLY, head, Content(b"b" * size, b"[]", None, "made up", ("header_hash",)))


def outgoing(event: Event, sequence: int, claim: int) -> list[Outgoing]:
    """What a listener under `claim` would append for an event."""
    codec = EventCodec(CHAIN_ID, 7)
    return [Outgoing(value) for value in codec.encode(event, Numbered(sequence, claim, 0))]


FINAL_FAR = {"safe_lag": 1_000, "finalized_lag": 1_000}


def served(
    length: int = 6, *, keeps_orphans: bool = True, first: int = 1, **lags: int
) -> tuple[AdjustableChain, RecordedNode]:
    chain = AdjustableChain.synthetic(length, first=first, keeps_orphans=keeps_orphans)
    return chain, RecordedNode(chain, **({**FINAL_FAR, **lags}))


async def look_for_long(rig: Rig, chain: AdjustableChain) -> None:
    """Looks at a chain that grows, until a tag that no node knows is one that is not there."""
    seconds = 0.0
    rig.listener._finality._clock = lambda: seconds
    for look in range(finality.UNKNOWN_LOOKS):
        if look:
            chain.extend()
        seconds += finality.UNKNOWN_SECONDS / (finality.UNKNOWN_LOOKS - 1)
        await rig.settle()
