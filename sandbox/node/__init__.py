"""A node played back from recorded answers, for tests, demos and bug reports.

Read it in this order: `answers` (one block's JSON), `recording` over `files` (files to blocks), `loop`,
`adjustable`, `forked` and `synthetic` (more chain than was recorded, forks, no recording at all) by
`template`, `resealed` and `genuine` (other blocks whose hashes hold), `rpc` and `methods` with
`logfilter` and `errors` (JSON-RPC), `faults` and `compression` (scripted bad answers), `plan/` (drawn
ones), `server` (HTTP and WebSocket), `record` (files from a live node).
"""

from sandbox.node.adjustable import AdjustableChain
from sandbox.node.answers import BlockAnswers, Chain
from sandbox.node.loop import LoopedChain
from sandbox.node.recording import RecordedChain
from sandbox.node.server import RecordedNode

__all__ = ["AdjustableChain", "BlockAnswers", "Chain", "LoopedChain", "RecordedChain", "RecordedNode"]
