"""A node of twelve small blocks whose faults a test plans."""

from __future__ import annotations

from typing import Any, Final

import orjson

from connectors.evm.blocks.checks import Verifier
from connectors.evm.blocks.decode import decode_block, decode_receipts
from connectors.evm.blocks.roots import RootChecks
from headwater.evm.bloom import Bloom
from sandbox.node import AdjustableChain, RecordedNode
from sandbox.node.plan import Plan, Play

HEAD: Final = 12
VERIFIER: Final = Verifier(Bloom(), roots=RootChecks(Bloom(), "all"))


class Node:
    """A node of twelve blocks under a plan, with a clock that a test moves."""

    def __init__(self, *faults: dict[str, Any], seed: int = 1) -> None:
        self.now = 0.0
        self.play = Play(Plan.model_validate({"seed": seed, "faults": faults}), lambda: self.now)
        self.chain = AdjustableChain.synthetic(HEAD)
        self.node = RecordedNode(self.chain, safe_lag=2, finalized_lag=4, plan=self.play)

    def answer(self, method: str, *params: object) -> tuple[dict[str, Any], object]:
        request = {"jsonrpc": "2.0", "id": 0, "method": method, "params": params}
        body, fault = self.node.respond(orjson.dumps(request))
        return orjson.loads(body), fault

    def result(self, method: str, *params: object) -> Any:
        return self.answer(method, *params)[0].get("result")

    def error(self, method: str, *params: object) -> tuple[int, str]:
        error = self.answer(method, *params)[0]["error"]
        return error["code"], error["message"]

    def latest(self) -> int:
        return int(self.result("eth_getBlockByNumber", "latest", False)["number"], 16)

    def check(self, number: int = 5) -> None:
        """Raises CheckError where block and receipts do not hold together."""
        block = decode_block(orjson.dumps(self.result("eth_getBlockByNumber", hex(number), True)))
        VERIFIER.check_header(block)
        VERIFIER.check(block, decode_receipts(orjson.dumps(self.result("eth_getBlockReceipts", hex(number)))))
