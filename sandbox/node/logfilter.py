"""eth_getLogs: which logs of a block a filter lets through (execution-apis, eth_getLogs)."""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from sandbox.node.answers import BlockAnswers
from sandbox.node.errors import INVALID_PARAMS, RpcError

Position = frozenset[str] | None


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Addresses (None: any) and, for each topic position, the topics allowed there (None: any)."""

    addresses: frozenset[str] | None
    topics: tuple[Position, ...]

    @property
    def lets_all_through(self) -> bool:
        return self.addresses is None and not any(self.topics)

    def admits(self, log: Mapping[str, object]) -> bool:
        """Tell whether one log (as JSON answers it) passes."""
        if self.addresses is not None and str(log["address"]).lower() not in self.addresses:
            return False
        topics = log["topics"]
        if not isinstance(topics, list) or len(topics) < len(self.topics):
            return False
        return all(
            allowed is None or str(topic).lower() in allowed
            for allowed, topic in zip(self.topics, topics, strict=False)
        )

    def of_block(self, answers: BlockAnswers) -> bytes:
        """Return the passing logs of a block as JSON array items without the brackets.

        Raises RpcError when the block's receipts are not recorded.
        """
        logs = answers.part("logs")
        if logs is None:
            raise RpcError(-32000, f"receipts of block {answers.number} were not recorded")
        if self.lets_all_through:
            return logs[1:-1]
        passing = [log for log in orjson.loads(logs) if self.admits(log)]
        return orjson.dumps(passing)[1:-1]


def parse_filter(query: Mapping[str, object]) -> LogFilter:
    """Return the filter of an eth_getLogs parameter. Raises RpcError (invalid params)."""
    topics = query.get("topics") or []
    if not isinstance(topics, list) or len(topics) > 4:
        raise RpcError(INVALID_PARAMS, "topics must be an array of up to 4 positions")
    return LogFilter(_values(query.get("address")), tuple(_values(position) for position in topics))


def _values(value: object) -> Position:
    """Return a position's allowed values; null and an empty array allow everything."""
    if value is None or value == []:
        return None
    found = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str) and item.startswith("0x") for item in found):
        raise RpcError(INVALID_PARAMS, f"{value!r} is not a hex value or array of them")
    return frozenset(str(item).lower() for item in found)
