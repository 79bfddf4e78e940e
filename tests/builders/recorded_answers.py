"""The real-chain data as the answers of a node."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path


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
