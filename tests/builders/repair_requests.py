"""Requests for repairs."""

from __future__ import annotations

from connectors.evm.repair.request import Request


def repair_request(
    number: int,
    hash: str | bytes | None = None,
    *,
    chain_id: int = 31337,
    refetch: bool = False,
    id: str = "",
) -> Request:
    """A request as an operator's command makes it; its id is the height unless one is given."""
    named = bytes.fromhex(hash.removeprefix("0x")) if isinstance(hash, str) else hash
    return Request(chain_id, id or str(number), number, named, refetch, "a test", "tester", 1_700_000_000_000)
