"""A chain of made-up blocks on the public topics, written as the enrich stage writes them."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Message

from headwater import kafka
from headwater.settings import Settings
from schemas import codec_for, frame
from schemas.registry import Registry, register_all
from schemas.sample import sample
from topics.catalog import topic_name

CHAIN_ID = 31337
Values = Mapping[str, list[tuple[bytes, bytes]]]


@dataclass(frozen=True)
class Block:
    """A block by its number and a salt that tells forks apart; counts are of its records."""

    number: int
    salt: int = 0
    transactions: int = 3
    logs: int = 6
    transfers: int = 2
    contracts: int = 1

    @property
    def hash(self) -> bytes:
        return hashlib.sha256(f"{self.number}/{self.salt}".encode()).digest()

    def counts(self) -> dict[str, int]:
        return {
            "blocks": 1,
            "transactions": self.transactions,
            "logs": self.logs,
            "token-transfers": self.transfers,
            "contracts": self.contracts,
        }


class Publisher:
    """Numbers events and writes them in Kafka transactions."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.sequence = 1_700_000_000_000
        self.written: list[tuple[str, bytes]] = []
        register_all(settings)
        registry = Registry(settings)
        self._frames = {stream: frame(registry.id_for(stream)) for stream in STREAMS}
        self._samples: dict[str, dict[str, Any]] = {
            stream: sample(codec_for(stream).record) for stream in STREAMS
        }
        # The sample's parities are any numbers; a column takes what a signature can have.
        self._authorizations = [
            each | {"y_parity": 1} for each in self._samples["transactions"]["authorization_list"]
        ]
        self._producer = kafka.producer(settings, transactional_id=f"{settings.topic_prefix}.publisher")
        self._producer.init_transactions(30)

    def apply(self, *blocks: Block, spoil: Callable[[str, list[bytes]], None] | None = None) -> None:
        """`spoil(stream, values)` may change values in place before they are written."""
        self._write([(block, False) for block in blocks], spoil)

    def revert(self, *blocks: Block, coverage: bool = True) -> None:
        """Without `coverage` the coverage record is late, and is never written."""
        self._write([(block, True) for block in blocks], coverage=coverage)

    def fork(self, old: list[Block], new: list[Block]) -> None:
        """Old blocks from the tip down, then new ones, in one transaction."""
        self._write([*((block, True) for block in reversed(old)), *((block, False) for block in new)])

    def _write(
        self,
        events: list[tuple[Block, bool]],
        spoil: Callable[[str, list[bytes]], None] | None = None,
        coverage: bool = True,
    ) -> None:
        self._producer.begin_transaction()
        coverages = []
        for block, removed in events:
            self.sequence += 1
            landed: dict[tuple[str, int], int] = {}
            for stream, count in block.counts().items():
                values = [self._value(stream, block, removed, index) for index in range(count)]
                if spoil is not None:
                    spoil(stream, values)
                for index, value in enumerate(values):
                    self._produce(stream, f"{block.number}-{index}", value, landed)
            coverages.append((block, removed, self.sequence, landed))
        self._producer.flush(30)
        for block, removed, sequence, landed in coverages if coverage else []:
            offsets = [
                {"topic": topic, "partition": partition, "next_offset": position}
                for (topic, partition), position in landed.items()
            ]
            value = self._frames["coverage"] + codec_for("coverage").write(
                self._samples["coverage"]
                | self._common(block, removed, sequence)
                | {
                    "transaction_count": block.transactions,
                    "log_count": block.logs,
                    "token_transfer_count": block.transfers,
                    "contract_count": block.contracts,
                    "complete": True,
                    "problem": None,
                    "offsets": offsets,
                    "observed_at": time.time_ns() // 1_000_000,
                    "retractions": 0,
                }
            )
            self._produce("coverage", f"{block.number}:0x{block.hash.hex()}", value, {}, sequence)
        self._producer.commit_transaction(30)

    def _produce(
        self,
        stream: str,
        key: str,
        value: bytes,
        landed: dict[tuple[str, int], int],
        sequence: int | None = None,
    ) -> None:
        self.written.append((stream, value))

        def delivered(error: object, message: Message) -> None:
            assert error is None, error
            place = str(message.topic()), int(message.partition() or 0)
            landed[place] = max(landed.get(place, 0), int(message.offset() or 0) + 1)

        self._producer.produce(
            topic_name(self.settings, stream),
            value,
            key.encode(),
            headers=[("sequence", str(sequence or self.sequence).encode())],
            on_delivery=delivered,
        )

    def _common(self, block: Block, removed: bool, sequence: int) -> dict[str, Any]:
        return {
            "chain_id": CHAIN_ID,
            "block_number": block.number,
            "block_hash": block.hash,
            "block_timestamp": 1_700_000_000_000 + block.number * 1000,
            "sequence": sequence,
            "removed": removed,
        }

    def _value(self, stream: str, block: Block, removed: bool, index: int) -> bytes:
        own: dict[str, dict[str, Any]] = {
            "blocks": {
                "transaction_count": block.transactions,
                "log_count": block.logs,
                "token_transfer_count": block.transfers,
                "contract_count": block.contracts,
            },
            "transactions": {"transaction_index": index, "hash": _hash(block, "transaction", index)}
            | {"y_parity": 1, "receipt_status": 1, "authorization_list": self._authorizations},
            "logs": {"log_index": index, "transaction_hash": _hash(block, "transaction", 0)},
            "token-transfers": {"log_index": index, "batch_index": 0},
            "contracts": {"transaction_index": index, "address": _hash(block, "contract", index)[:20]},
        }
        record = self._samples[stream] | self._common(block, removed, self.sequence) | own[stream]
        return self._frames[stream] + codec_for(stream).write(record)


STREAMS = ("blocks", "transactions", "logs", "token-transfers", "contracts", "coverage")


def _hash(block: Block, kind: str, index: int) -> bytes:
    return hashlib.sha256(block.hash + f"{kind}{index}".encode()).digest()
