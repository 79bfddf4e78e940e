"""Batches as large as an endpoint takes, however it says what that is."""

from __future__ import annotations

import json
from typing import cast

import pytest

from connectors.evm.blocks.batches import FAILED_SECONDS, MOST, Batches
from connectors.evm.rpc.answers import NoBatches, NodeFailure
from connectors.evm.rpc.endpoint import Endpoint
from tests.fakes.endpoint import FakeEndpoint

ASKED = [f"0x{number:064x}" for number in range(250)]


async def _asked(batches: Batches, endpoint: FakeEndpoint) -> list[str]:
    answers = await batches.ask(
        cast(Endpoint, endpoint), "eth_getTransactionReceipt", [[each] for each in ASKED]
    )
    return [json.loads(bytes(each)) for each in answers]


@pytest.mark.parametrize("limit", [1, 2, 3, 10, 60, 99, 100])
async def test_a_limit_is_found_and_kept_to(limit: int) -> None:
    endpoint, batches = FakeEndpoint(limit), Batches()
    assert await _asked(batches, endpoint) == ASKED
    endpoint.batches.clear()
    for _ in range(4):
        assert await _asked(batches, endpoint) == ASKED
    assert sum(size > limit for size in endpoint.batches) <= 3
    assert not endpoint.batches or max(endpoint.batches[-5:]) <= limit


async def test_calls_one_by_one_where_batches_are_refused() -> None:
    endpoint, batches = FakeEndpoint(0, lambda: NoBatches("node", "no batches", "broken")), Batches()
    for _ in range(2):
        assert await _asked(batches, endpoint) == ASKED
    assert (endpoint.batches, endpoint.calls) == ([MOST], 2 * len(ASKED))


@pytest.mark.parametrize("outcome", ["timeout", "connection", "http", "throttled", "broken"])
async def test_a_batch_that_failed_is_smaller_the_next_time_until_it_passes(outcome: str) -> None:
    seconds = 0.0
    endpoint = FakeEndpoint(20, lambda: NodeFailure("node", "no answer", outcome))
    batches = Batches(lambda: seconds)
    for _ in range(3):
        with pytest.raises(NodeFailure):
            await _asked(batches, endpoint)
    endpoint.batches.clear()
    while True:
        try:
            assert await _asked(batches, endpoint) == ASKED
            break
        except NodeFailure:
            endpoint.limit = MOST  # The trouble is over.
    assert endpoint.batches[0] < 20
    # A limit of calls is over in a moment.
    seconds += 0.0 if outcome == "throttled" else FAILED_SECONDS
    for _ in range(30):
        await _asked(batches, endpoint)
    assert endpoint.batches[-3] == MOST


@pytest.mark.parametrize("limit", [1, 2, 7, 60])
async def test_an_endpoint_whose_larger_batches_always_fail_without_words_serves(limit: int) -> None:
    """It was tried with one call more after each success, and no block with more calls ever came whole."""
    endpoint = FakeEndpoint(limit, lambda: NodeFailure("node", "HTTP 500", "http"))
    batches, failures = Batches(lambda: 0.0), 0
    for _ in range(20):
        try:
            assert await _asked(batches, endpoint) == ASKED
        except NodeFailure:
            failures += 1
    assert failures <= 8
