"""What confluent_kafka raises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from confluent_kafka import KafkaError, KafkaException


def of_kafka(code: int, **facts: bool) -> KafkaException:
    """An error as librdkafka makes it; `facts`: fatal, retriable, txn_requires_abort."""
    make: Callable[..., KafkaError] = cast(Any, KafkaError)
    return KafkaException(make(code, "so it is", **facts))
