"""Whether the endpoints have the finalized block that was published: one that has another is cordoned."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from connectors.evm.events import Head
from connectors.evm.pool.cordon import Cordons
from connectors.evm.rpc.answers import NodeFailure, Unsupported, is_null
from connectors.evm.rpc.endpoint import Endpoint
from headwater.at_once import all_of
from headwater.evm.answers.errors import UNREADABLE

OTHER_HASH: Final = "finalized_hash"
PATIENCE_SECONDS: Final = 5.0
"""What takes longer counts as no answer: the others wait for it."""


class _Hash(msgspec.Struct):
    hash: str


_decode = msgspec.json.Decoder(_Hash).decode


class OtherHash(NodeFailure):
    """The node has another block where one is final."""

    @property
    def contradiction(self) -> str:
        return OTHER_HASH


@dataclass(frozen=True, slots=True)
class Compared:
    """What the endpoints, cordoned ones left out, say of a block: names of those that have it, of those
    that have another one, and of those that say nothing or were not asked. `cordoned` counts those that
    were cordoned for it.
    """

    agree: Sequence[str]
    deny: Sequence[str]
    silent: Sequence[str]
    cordoned: int = 0


@dataclass(frozen=True, slots=True)
class Votes:
    """What the endpoints that answer have at a block's height, and which block is final to them; by name.

    `failed` are those that could not say now what is final to them: not that they know no such tag.
    """

    head: Head
    found: Mapping[str, tuple[Head | None, Head | None]]
    failed: Collection[str] = ()

    @property
    def agree(self) -> list[str]:
        """Names of those that have the block."""
        return [name for name, (there, _) in self.found.items() if there and there.hash == self.head.hash]

    @property
    def deny(self) -> list[str]:
        """Names of those that have another block."""
        return [name for name, (there, _) in self.found.items() if there and there.hash != self.head.hash]

    @property
    def not_yet(self) -> list[str]:
        """Names of those to which a lower block is final."""
        return [name for name, (_, final) in self.found.items() if final and final.number < self.head.number]

    @property
    def final_to(self) -> list[str]:
        """Names of those to which it is final, itself or by one above it."""
        return [name for name, (_, final) in self.found.items() if final and final.number >= self.head.number]

    def silent(self, size: int) -> int:
        """How many of so many endpoints say nothing of its finality: away, failing, or not so far yet.

        One that knows no tag never says anything, and is none of them.
        """
        lag = [name for name in self.not_yet if name not in self.agree]
        return size - len(self.found) + len(self.failed) + len(lag)

    @property
    def settled(self) -> Head | None:
        """The highest block that is final, itself or one above it, to most of those that say one."""
        finals = sorted((each for _, each in self.found.values() if each), key=lambda each: -each.number)
        return finals[len(finals) // 2] if finals else None

    @property
    def rival(self) -> Head | None:
        """The block that two at least have in place of this one, and more than have this one."""
        there = [each for each, _ in self.found.values() if each and each.hash != self.head.hash]
        for digest, count in Counter(each.hash for each in there).most_common(1):
            if count > max(1, len(self.agree)):
                return next(each for each in there if each.hash == digest)
        return None


async def agree(endpoint: Endpoint, known: Head) -> bool:
    """Whether it has this block at its height; False where it has none. Raises OtherHash, and as `call`."""
    raw = await endpoint.call("eth_getBlockByNumber", hex(known.number), False)
    if is_null(raw):
        return False
    try:
        found = _decode(raw).hash
    except UNREADABLE as error:
        raise NodeFailure(endpoint.name, f"eth_getBlockByNumber: {error}", "broken") from error
    if found.lower() == "0x" + known.hash.hex():
        return True
    raise OtherHash(
        endpoint.name,
        f"its block {known.number} is {found[:66]}, and 0x{known.hash.hex()} is final",
        "contradiction",
    )


async def compared(endpoints: list[Endpoint], known: Head, cordons: Cordons) -> Compared:
    """Ask all for a finalized block, and cordon those with another one if any has it."""

    async def asked(endpoint: Endpoint) -> bool | OtherHash:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await agree(endpoint, known)
        except OtherHash as failure:
            return failure
        except (NodeFailure, Unsupported, TimeoutError):
            return False  # Counted where it was raised.

    present = [endpoint for endpoint in endpoints if endpoint.name not in cordons]
    answers = await all_of(*(asked(endpoint) for endpoint in present))
    have = [each.name for each, answer in zip(present, answers, strict=True) if answer is True]
    others = [pair for pair in zip(present, answers, strict=True) if isinstance(pair[1], OtherHash)]
    deny = [endpoint.name for endpoint, _ in others]
    silent = [each.name for each in endpoints if each.name not in (*have, *deny)]
    if not have:
        return Compared(have, deny, silent)
    for endpoint, failure in others:
        assert isinstance(failure, OtherHash)
        cordons.put(endpoint, failure, lambda endpoint=endpoint: agree(endpoint, known))  # type: ignore[misc]
    return Compared(have, deny, silent, len(others))
