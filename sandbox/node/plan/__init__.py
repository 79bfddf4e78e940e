"""Faults of a recorded node by a file, drawn by a seed: `headwater node serve --faults FILE`.

Read it in this order: `rule`, `connections`, `branches` and `rules` (what the file may say), `errors` and
`garbage` (what real providers say, to be played, and what nobody should), `heads`, `answers`, `forks`
(answers that lie), `limits` and `spoiling` (the connection), `play` (which call is done what to).
"""

from sandbox.node.plan.play import Play
from sandbox.node.plan.rules import Plan, load

__all__ = ["Plan", "Play", "load"]
