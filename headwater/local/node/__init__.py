"""A node played back from recorded answers, for tests, demos and bug reports.

Read it in this order: `answers` (one block's JSON), `recording` (files to blocks), `loop`, `adjustable`
and `synthetic` (more chain than was recorded, forks, no recording at all), `methods` (JSON-RPC),
`faults` (scripted bad answers), `server` (HTTP and WebSocket), `record` (files from a live node).
"""

from headwater.local.node.adjustable import AdjustableChain
from headwater.local.node.answers import BlockAnswers, Chain
from headwater.local.node.loop import LoopedChain
from headwater.local.node.recording import RecordedChain
from headwater.local.node.server import RecordedNode

__all__ = ["AdjustableChain", "BlockAnswers", "Chain", "LoopedChain", "RecordedChain", "RecordedNode"]
