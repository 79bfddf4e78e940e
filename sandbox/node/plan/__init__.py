"""Faults of a recorded node by a file, drawn by a seed: `headwater node serve --faults FILE`.

Read it in this order: `rules` (what the file may say), `errors` (what real providers say), `heads` and
`answers` (answers that lie), `play` (which call is done what to).
"""

from sandbox.node.plan.play import Play
from sandbox.node.plan.rules import Plan, load

__all__ = ["Plan", "Play", "load"]
