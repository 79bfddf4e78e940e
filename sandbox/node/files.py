"""Files of recorded answers: `{"request": …, "response": …}`, or an array of them, gzipped or not.

A request may be a JSON-RPC batch. Which call a file answers is read from its first bytes where it
starts with the request, as those of `record` do.
"""

import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson

from headwater.errors import Fatal
from sandbox.node.answers import Json, Part

CHAIN_FILE = "chain.json"
PEEK_BYTES = 2048
"""A request, and the identity that our own recordings put behind it, fit in this."""


def read_json(path: Path) -> object:
    """Return the parsed content of a plain or gzipped JSON file. Raises Fatal when it is neither."""
    try:
        data = path.read_bytes()
        return orjson.loads(gzip.decompress(data) if path.suffix == ".gz" else data)
    except (OSError, EOFError, zlib.error, orjson.JSONDecodeError) as error:
        raise Fatal(f"{path} is not a readable recording: {error}", remedy="record it again") from error


def peek(path: Path) -> tuple[Json, Json | None] | None:
    """Return (request, identity) from a file's first bytes, None when the file must be read whole."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            text = stream.read(PEEK_BYTES).decode("utf-8", "replace")
    except (OSError, EOFError, zlib.error):
        return None  # reading it whole says what is wrong with it
    if not text.startswith('{"request":'):
        return None
    decoder = json.JSONDecoder()
    try:
        request, end = decoder.raw_decode(text, len('{"request":'))
        identity = None
        if text.startswith(',"block":', end):
            identity, _ = decoder.raw_decode(text, end + len(',"block":'))
    except json.JSONDecodeError:
        return None
    return (request, identity) if isinstance(request, dict) else None


def part_of(method: str, params: Sequence[object]) -> Part | None:
    """Return which part of a block a call asks for, None when it is not about a whole block."""
    if method in ("eth_getBlockByNumber", "eth_getBlockByHash"):
        return "block" if len(params) > 1 and params[1] is True else "hashes"
    if method == "eth_getBlockReceipts":
        return "receipts"
    if method in ("debug_traceBlockByNumber", "debug_traceBlockByHash"):
        options = params[1] if len(params) > 1 else None
        return "calls" if isinstance(options, dict) and options.get("tracer") == "callTracer" else None
    return "flat" if method == "trace_block" else None


def pairs(document: object) -> Iterator[tuple[Json, Json]]:
    """Yield (request, response) of each call in a file's document."""
    for case in document if isinstance(document, list) else [document]:
        if not isinstance(case, dict):
            continue
        request, response = case.get("request"), case.get("response")
        requests = request if isinstance(request, list) else [request]
        responses = response if isinstance(response, list) else [response]
        for asked, answered in zip(requests, responses, strict=False):
            if isinstance(asked, dict) and isinstance(answered, dict):
                yield asked, answered


def params_key(params: object) -> bytes:
    """Return the bytes by which recorded calls are looked up."""
    return orjson.dumps(params, option=orjson.OPT_SORT_KEYS).lower()


def result_of(path: Path) -> bytes:
    """Return the result of the one call that a file holds."""
    for _, response in pairs(read_json(path)):
        return orjson.dumps(response["result"])
    raise Fatal(f"{path} holds no answer", remedy="record it again")
