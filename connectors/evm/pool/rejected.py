"""An answer that failed a check, and whether that alone proves it wrong."""

from __future__ import annotations

from typing import Final

from connectors.evm.rpc.answers import NodeFailure

_PROOFS: Final = frozenset(
    {"header_hash", "logs_bloom", "transactions_root", "receipts_root", "withdrawals_root"}
)
"""Checks of an answer by itself. Others fail where a fork comes between two calls too."""


class Rejected(NodeFailure):
    """The node's answer failed a check: it is not published, another endpoint or moment is asked.

    `found` is what the answer has in place of what it should, "" where that is not known; `remedy` what to do
    where it is so at every endpoint.
    """

    def __init__(self, endpoint: str, check: str, what: str, found: str = "", remedy: str = "") -> None:
        super().__init__(endpoint, what, "rejected")
        self.check = check
        self.found = found
        self.remedy = remedy

    @property
    def evidence(self) -> tuple[str, ...] | None:
        return (self.check, self.found) if self.found else None

    @property
    def contradiction(self) -> str:
        return self.check if self.check in _PROOFS else ""
