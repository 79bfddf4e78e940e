"""What the pages on nodes say, run: a node that misbehaves by a file, and nodes that are checked."""

from __future__ import annotations

import re
import subprocess
import urllib.request
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import orjson

from sandbox.node import RecordedChain, RecordedNode
from sandbox.node.plan import Plan, Play
from tests.integration.line import HEADWATER
from tests.paths import ROOT

FIRST, LAST = 17_686_110, 17_686_132


def test_the_page_serves_a_node_that_misbehaves(shared_data: Path, tmp_path: Path) -> None:
    page = (ROOT / "docs/recorded-node.md").read_text("utf-8")
    command = re.findall(r"^headwater (node serve .* --faults .*)$", page, re.MULTILINE)[0]
    plan = tmp_path / "faults.yaml"
    plan.write_text(re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[0])
    put = {"DIR": str(shared_data / f"mainnet-contiguous-{FIRST}-{LAST}"), "8545": "0", plan.name: str(plan)}
    words = [put.get(word, word) for word in command.split()]
    with (
        subprocess.Popen([HEADWATER, *words], stdout=subprocess.PIPE, text=True) as node,
        ExitStack() as ended,
    ):
        ended.callback(node.kill)
        assert node.stdout is not None
        url = node.stdout.readline().split()[0]
        codes: Counter[int] = Counter()
        for _ in range(200):
            body = b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}'
            request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=20) as answer:
                codes[orjson.loads(answer.read()).get("error", {}).get("code", 0)] += 1
        node.terminate()
        last = node.stdout.read().splitlines()[-1]
    assert set(codes) == {0, -32005}
    assert re.search(rf"faults: .*error {codes[-32005]}\b", last)


def test_the_page_checks_nodes_over_http(shared_data: Path) -> None:
    page = (ROOT / "docs/nodes.md").read_text("utf-8")
    command = re.findall(r"^headwater (node check .* --json)$", page, re.MULTILINE)[0]
    chain = RecordedChain([shared_data / f"mainnet-contiguous-{FIRST}-{LAST}"])
    failing = Plan.model_validate({"faults": [{"kind": "wrong_receipts"}]})
    with (
        RecordedNode(chain).serve_in_thread() as good,
        RecordedNode(chain, plan=Play(failing)).serve_in_thread() as bad,
    ):
        secret = good.url.replace("//", "//user:password@") + "/KEYKEYKEY"
        words = [secret if word.startswith("http") else word for word in command.split()]
        alone = subprocess.run([HEADWATER, *words], capture_output=True, text=True, timeout=60)
        both = subprocess.run(
            [HEADWATER, *words, "--rpc", bad.url], capture_output=True, text=True, timeout=60
        )
    assert (alone.returncode, both.returncode) == (0, 3), both.stderr
    found = orjson.loads(alone.stdout)
    assert found["settings"]["HEADWATER_CHAIN__CHAIN_ID"] == "1"
    assert found["endpoints"][0]["oldest_block"] == FIRST
    assert "receipts_root" in found["endpoints"][0]["verified"][str(LAST - 8)]
    assert orjson.loads(both.stdout)["endpoints"][1]["trouble"] == "no block of the sample passes its checks"
    for word in ("password", "KEYKEYKEY"):
        assert word not in alone.stdout + alone.stderr + both.stdout + both.stderr
