"""What the listener logs about a block says which one, by the trace that all stages' lines about it have."""

from __future__ import annotations

import pytest

from sandbox.node import faults as f
from tests.fakes.listening import MemoryStore, make_rig, served, settled_rig
from tests.fakes.log_lines import configured, lines
from topics.chainlog.headers import TRACEPARENT, trace_id


async def test_the_lines_about_a_block_have_the_trace_of_its_messages(
    capsys: pytest.CaptureFixture[str],
) -> None:
    chain, node = served(6)
    store = MemoryStore()
    with configured("listen", "x"):
        rig = await settled_rig(store, [node])
        chain.fork(2, 3)
        await rig.settle()
    logged = {each["event"]: each for each in lines(capsys)}
    claimed, forked = logged["chain claimed"], logged["following a fork"]
    names = ("chain", "stage", "topic", "partition", "offset")
    assert [claimed[name] for name in names] == ["x", "listen", "raw-blocks", 0, 0]
    assert claimed["sequence"] > 0
    number, seen = len(chain.hashes), bytes.fromhex(chain.hashes[-1][2:])
    assert [forked[name] for name in ("stage", "block", "trace_id")] == ["listen", number, trace_id(seen)]
    ((_, last),) = store.log[-1:]
    assert f"-{forked['trace_id']}-" in dict(last.headers)[TRACEPARENT].decode()


async def test_a_bad_answer_says_which_block_it_was_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    chain, node = served(6)
    rig = make_rig(MemoryStore(), [node])
    with configured("listen", "x"):
        await rig.log.open()
        await rig.settle()
        chain.extend()
        node.faults.add(f.Status(500), "eth_getBlockByHash")
        await rig.settle()
    logged = next(each for each in lines(capsys) if each["event"] == "bad answer of a node")
    assert (logged["stage"], logged["block"]) == ("listen", len(chain.hashes))
    assert logged["trace_id"] == trace_id(bytes.fromhex(chain.hashes[-1][2:]))
