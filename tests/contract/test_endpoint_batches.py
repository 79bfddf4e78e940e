"""What asks in batches relies on in an endpoint: the real one over a node of the test's, and the stand-in."""

from __future__ import annotations

import json
from typing import Protocol, cast

import pytest

from connectors.evm.rpc.answers import BatchTooLarge, HttpAnswer
from connectors.evm.rpc.endpoint import Endpoint
from tests.fakes.endpoint import FakeEndpoint

METHOD = "eth_getTransactionReceipt"
ASKED = ["0x01", "0x02", "0x03"]
MISSING = "0x99"


class MakeEndpoint(Protocol):
    """An endpoint that answers what it is asked, null for MISSING, in batches of `limit` calls at most."""

    def __call__(self, limit: int) -> Endpoint: ...


class BatchesContract:
    """Tests of an endpoint's calls and batches."""

    @pytest.fixture
    def make(self) -> MakeEndpoint:
        raise AssertionError("the subclass says which endpoint")

    async def test_a_batch_is_answered_in_the_order_in_which_it_was_asked(self, make: MakeEndpoint) -> None:
        answers = await make(3).batch(METHOD, [[each] for each in [*ASKED[:2], MISSING]])
        assert [json.loads(bytes(each)) for each in answers] == [*ASKED[:2], None]

    async def test_a_call_is_answered_as_in_a_batch(self, make: MakeEndpoint) -> None:
        endpoint = make(3)
        assert json.loads(bytes(await endpoint.call(METHOD, ASKED[0]))) == ASKED[0]
        assert bytes(await endpoint.call(METHOD, MISSING)) == b"null"

    async def test_a_batch_above_the_limit_fails_as_one_that_is_too_large(self, make: MakeEndpoint) -> None:
        endpoint = make(2)
        with pytest.raises(BatchTooLarge):
            await endpoint.batch(METHOD, [[each] for each in ASKED])
        assert len(await endpoint.batch(METHOD, [[each] for each in ASKED[:2]])) == 2


class Echo:
    """A node that answers a call by what it is asked of, by null for MISSING."""

    def __init__(self, limit: int) -> None:
        self._limit = limit

    async def post(self, url: str, body: bytes) -> HttpAnswer:
        asked = json.loads(body)
        if isinstance(asked, list) and len(asked) > self._limit:
            error = {"code": -32000, "message": f"batch limit {self._limit} exceeded"}
            return HttpAnswer(200, json.dumps({"jsonrpc": "2.0", "id": None, "error": error}).encode())
        many = asked if isinstance(asked, list) else [asked]
        answers = [
            {"jsonrpc": "2.0", "id": each["id"], "result": None if asked_of == MISSING else asked_of}
            for each in many
            for asked_of in each["params"]
        ]
        return HttpAnswer(200, json.dumps(answers if isinstance(asked, list) else answers[0]).encode())

    async def close(self) -> None:
        """Nothing to release."""


class TestEndpoint(BatchesContract):
    @pytest.fixture
    def make(self) -> MakeEndpoint:
        return lambda limit: Endpoint("local", "node", "http://node", Echo(limit))


class TestFakeEndpoint(BatchesContract):
    @pytest.fixture
    def make(self) -> MakeEndpoint:
        return lambda limit: cast(Endpoint, FakeEndpoint(limit, missing=MISSING))
