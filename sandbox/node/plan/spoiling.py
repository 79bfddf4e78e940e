"""Rules of the connection to what the server does."""

from __future__ import annotations

import math
from random import Random
from typing import Final

from sandbox.node import faults as f
from sandbox.node.plan import connections
from sandbox.node.plan.garbage import GARBAGE
from sandbox.node.plan.rule import Rule

_P95: Final = 1.6449
"""Of the standard normal distribution."""


def of_the_connection(rule: Rule, random: Random) -> f.Fault | None:
    """What a rule does to a call of any method; None where it is about no call."""
    match rule:
        case connections.Latency(p50=p50, p95=p95):
            spread = max(0.0, math.log(p95 / p50) / _P95)
            return f.Silence(random.lognormvariate(math.log(p50), spread))
        case connections.Throttled(retry_after=seconds):
            return f.too_many_requests(seconds)
        case connections.Http(status=status, body=body):
            return f.Status(status, body, "text/html" if body.startswith("<") else "text/plain")
        case connections.Cut(share=share):
            return f.CutShare(share)
        case connections.HalfWritten(share=share):
            return f.HalfWritten(share)
        case connections.HalfOpen():
            return f.Silence()
        case connections.Garbage(body=body):
            return f.Body(GARBAGE[body])
        case connections.Oversized(bytes=size, compressed=compressed):
            return f.Padded(size, compressed)
        case connections.Silence(seconds=seconds):
            return f.Silence(seconds)
        case connections.Disconnect():
            return f.Disconnect()
    return None
