"""The real-chain data as the answers of a node."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def results(data: Path) -> Iterator[tuple[str, object]]:
    """(method, result) of every recorded call about blocks."""
    for path in sorted([*data.rglob("*.json"), *data.rglob("*.json.gz")]):
        text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        if b'"request"' not in text or b"eth_getBlock" not in text:
            continue
        document = json.loads(text)
        for case in document if isinstance(document, list) else [document]:
            request, response = case.get("request"), case.get("response")
            if isinstance(request, dict) and isinstance(response, dict):
                yield str(request.get("method")), response.get("result")


def with_receipts(data: Path) -> list[tuple[Json, list[Json]]]:
    """Every block with full transactions whose receipts are recorded too, of all chains."""
    blocks: dict[str, Json] = {}
    receipts: dict[str, list[Json]] = {}
    for method, result in results(data):
        if method in ("eth_getBlockByNumber", "eth_getBlockByHash") and isinstance(result, dict):
            if result["transactions"] and isinstance(result["transactions"][0], dict):
                blocks[result["hash"]] = result
        elif method == "eth_getBlockReceipts" and isinstance(result, list) and result and "logs" in result[0]:
            receipts[result[0]["blockHash"]] = result
    return [(block, receipts[hash_]) for hash_, block in blocks.items() if hash_ in receipts]
