"""The pool as settings have it."""

from __future__ import annotations

from unittest.mock import Mock

import pytest

from connectors.evm.pool import connect as module
from connectors.evm.pool.connect import connect
from headwater.settings import load_settings


@pytest.mark.parametrize(
    ("request_seconds", "overall_seconds", "expected"),
    [(20, None, 300), (1, None, 60), (20, 7, 7)],
    ids=["fifteen calls", "a minute at least", "set"],
)
async def test_a_question_may_take_as_long_as_is_set(
    monkeypatch: pytest.MonkeyPatch, request_seconds: int, overall_seconds: int | None, expected: int
) -> None:
    nodes = Mock()
    monkeypatch.setattr(module, "Nodes", nodes)
    chain = {
        "rpc": ["http://a"],
        "request_timeout_seconds": request_seconds,
        "overall_timeout_seconds": overall_seconds,
    }
    _, transport = connect(load_settings({"chain": chain}, environ={}))
    await transport.close()
    assert nodes.call_args.kwargs == {"seconds": expected}
