"""The compiled codec against fastavro, on the transactions and logs of the 23 blocks.

Both sides do the same work: a record's values are at hand as Python objects, its bytes are wanted; or its
bytes are at hand, its values are wanted (as columns from the codec, as dictionaries from fastavro, which
has no columns). CPU time, best of several rounds, collector off, one thread.
"""

from __future__ import annotations

import gc
import gzip
import io
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import fastavro
import orjson

from bench.blocks import folder
from bench.report import Row, publish
from schemas import COMMON, Codec, codec_for, codec_for_record, frame, schema_of
from schemas.evolution import without_logical_types

ROUNDS = 15
WRITE_TARGET, READ_TARGET = 3.0, 2.0
Records = list[dict[str, Any]]


def rows() -> list[Row]:
    """The figures, in µs a record; none where the recording is absent."""
    path = folder()
    if path is None:
        return [Row("codec", None, "µs/record", note="skipped: the 23 mainnet blocks are absent")]
    transactions, logs = _records(path)
    found = []
    for stream, records in (("logs", logs), ("transactions", transactions)):
        found += _rows(stream, records)
    return found + _message_rows(transactions, logs)


def _rows(stream: str, records: Records) -> list[Row]:
    codec = codec_for(stream)
    schema = fastavro.parse_schema(without_logical_types(schema_of(stream)))
    values = [tuple(record[name] for name in codec.names) for record in records]
    blocks = list(_by_block(values))
    split = codec.split()
    width = len(COMMON)

    def write_fastavro() -> list[bytes]:
        out = []
        for record in records:
            buffer = io.BytesIO()
            fastavro.schemaless_writer(buffer, schema, record)
            out.append(buffer.getvalue())
        return out

    def write_whole() -> list[bytes]:
        write = codec.write_values
        return [write(*each) for each in values]

    def write_split() -> list[bytes]:
        out = []
        for common, rest in blocks:
            prefix = split.prefix(*common)
            write = split.rest
            out += [prefix + write(*each) for each in rest]
        return out

    bodies = write_fastavro()
    assert write_split() == bodies == write_whole(), "not byte for byte fastavro"
    framed = [frame(1) + body for body in bodies]

    def read_fastavro() -> list[object]:
        return [fastavro.schemaless_reader(io.BytesIO(body), schema, None) for body in bodies]

    assert width == len(blocks[0][0])
    count = len(records)
    whole, split_up, peer_write = _micros(count, write_whole, write_split, write_fastavro)
    columns, peer_read = _micros(count, lambda: codec.columns(framed), read_fastavro)
    return [
        _against(f"codec: write {stream}", split_up, peer_write, WRITE_TARGET),
        _against(f"codec: write {stream}, each whole", whole, peer_write, None),
        _against(f"codec: read {stream} into columns", columns, peer_read, READ_TARGET),
    ]


def _message_rows(transactions: Records, logs: Records) -> list[Row]:
    """One block message with everything: its bodies written, and read as enrich and state read them."""
    codec = codec_for("normalized-blocks")
    bodies = {
        "transactions": _bodies(codec_for_record("normalized-blocks", "TransactionBody"), transactions),
        "logs": _bodies(codec_for_record("normalized-blocks", "LogBody"), logs),
    }
    event = {**dict.fromkeys(("chain_id", "sequence", "claim", "observed_at", "part", "parts"), 1), **bodies}
    value = frame(1) + codec.write({**event, "event": "APPLY", "fresh": False})
    count = len(transactions) + len(logs)
    wanted = {
        "sequence": None,
        "transactions": ("hash", "from_address", "receipt_contract_address"),
        "logs": ("address", "topics", "data", "log_index"),
    }
    write, read = _micros(
        count,
        lambda: codec.write({**event, "event": "APPLY", "fresh": False}),
        lambda: codec.message(value, wanted),
    )
    return [
        Row("codec: write bodies", write, "µs/record", note="bodies already encoded, one message"),
        Row("codec: read a block message", read, "µs/record", note="7 columns and each record's own bytes"),
    ]


def _bodies(codec: Codec, records: Records) -> list[bytes]:
    return [codec.write(record) for record in records]


def _against(name: str, value: float, other: float, target: float | None) -> Row:
    wanted = "" if target is None else f"≥ {target:.0f}× as fast"
    met = None if target is None else other >= target * value
    return Row(name, value, "µs/record", "fastavro", other, wanted, met, f"{other / value:.1f}× as fast")


def _micros(count: int, *works: Callable[[], object]) -> list[float]:
    """CPU time a record of each work, best of ROUNDS that take turns: others' load hits all alike."""
    best = [float("inf")] * len(works)
    gc.collect()
    gc.disable()
    try:
        for _ in range(ROUNDS):
            for number, work in enumerate(works):
                start = time.thread_time()
                work()
                best[number] = min(best[number], time.thread_time() - start)
    finally:
        gc.enable()
    return [each / count * 1e6 for each in best]


def _by_block(values: Sequence[tuple[Any, ...]]) -> Iterator[tuple[tuple[Any, ...], list[tuple[Any, ...]]]]:
    width, start = len(COMMON), 0
    for at in range(1, len(values) + 1):
        if at == len(values) or values[at][:width] != values[start][:width]:
            yield values[start][:width], [each[width:] for each in values[start:at]]
            start = at


def _records(path: Path) -> tuple[Records, Records]:
    transactions: Records = []
    logs: Records = []
    for number, directory in enumerate(sorted(path.iterdir())):
        block = _answer(directory / "input" / "eth_getBlockByNumber_full.json.gz")
        receipts = _answer(directory / "input" / "eth_getBlockReceipts.json.gz")
        common = {
            "chain_id": 1,
            "block_number": int(block["number"], 16),
            "block_hash": _bytes(block["hash"]),
            "block_timestamp": int(block["timestamp"], 16) * 1000,
            "sequence": 1_700_000_000_000 + number,
            "removed": False,
        }
        for transaction, receipt in zip(block["transactions"], receipts, strict=True):
            transactions.append({**common, **_transaction(transaction, receipt)})
            logs += [{**common, **_log(log)} for log in receipt["logs"]]
    return transactions, logs


def _answer(path: Path) -> Any:  # noqa: ANN401 - JSON
    return orjson.loads(gzip.decompress(path.read_bytes()))["response"]["result"]


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text[2:])


def _decimal(text: str | None) -> str | None:
    return None if text is None else str(int(text, 16))


def _transaction(given: dict[str, Any], receipt: dict[str, Any]) -> dict[str, Any]:
    access_list = given.get("accessList")
    record: dict[str, Any] = dict.fromkeys(codec_for("transactions").names[len(COMMON) :])
    record.update(
        event_id=_bytes(given["hash"])[:16],  # type: ignore[index]
        hash=_bytes(given["hash"]),
        transaction_index=int(given["transactionIndex"], 16),
        from_address=_bytes(given["from"]),
        to_address=_bytes(given["to"]),
        nonce=int(given["nonce"], 16),
        value=_decimal(given["value"]),
        gas=int(given["gas"], 16),
        gas_price=_decimal(given.get("gasPrice")),
        input=_bytes(given["input"]),
        transaction_type=int(given["type"], 16),
        max_fee_per_gas=_decimal(given.get("maxFeePerGas")),
        max_priority_fee_per_gas=_decimal(given.get("maxPriorityFeePerGas")),
        blob_versioned_hashes=[],
        access_list=None
        if access_list is None
        else [
            {
                "address": _bytes(entry["address"]),
                "storage_keys": [_bytes(key) for key in entry["storageKeys"]],
            }
            for entry in access_list
        ],
        v=_decimal(given["v"]),
        r=_decimal(given["r"]),
        s=_decimal(given["s"]),
        receipt_cumulative_gas_used=int(receipt["cumulativeGasUsed"], 16),
        receipt_gas_used=int(receipt["gasUsed"], 16),
        receipt_contract_address=_bytes(receipt["contractAddress"]),
        receipt_status=int(receipt["status"], 16),
        receipt_effective_gas_price=_decimal(receipt["effectiveGasPrice"]),
        receipt_log_count=len(receipt["logs"]),
    )
    return record


def _log(given: dict[str, Any]) -> dict[str, Any]:
    return {
        "event_id": _bytes(given["transactionHash"])[:16],  # type: ignore[index]
        "log_index": int(given["logIndex"], 16),
        "transaction_hash": _bytes(given["transactionHash"]),
        "transaction_index": int(given["transactionIndex"], 16),
        "address": _bytes(given["address"]),
        "topics": [_bytes(topic) for topic in given["topics"]],
        "data": _bytes(given["data"]),
        "extra": None,
    }


if __name__ == "__main__":
    publish("codec", rows())
