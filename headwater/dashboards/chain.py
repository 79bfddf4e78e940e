"""One chain: its head and what is final, forks, and the nodes that it is followed by."""

from __future__ import annotations

from headwater.dashboards.model import Dashboard, Panel, Query, Row, Unit
from headwater.dashboards.select import highest, quantile, rate, series
from headwater.metrics import listener


def _tag(tag: str) -> str:
    return highest(listener.CHAIN_BLOCK, "chain", matchers=(f'tag="{tag}"',))


_TAGS = ("safe", "finalized")
_FAILED = ('outcome!~"ok|unsupported"',)

CHAIN = Dashboard(
    "chain",
    "Headwater: chain",
    "The listener: head, finality, forks, repairs, and how the nodes answer.",
    (
        Row(
            "The chain",
            (
                Panel(
                    "Heights",
                    "What the node has, and what is published of head, safe and finalized.",
                    Unit.NUMBER,
                    (Query(highest(listener.CHAIN_BLOCK, "chain", "tag"), "{{chain}} {{tag}}"),),
                ),
                Panel(
                    "Behind the head, blocks",
                    "How deep safe and finalized lie. Grows: the chain or the node does not finalize.",
                    Unit.NUMBER,
                    tuple(Query(f"{_tag('head')} - {_tag(tag)}", f"{{{{chain}}}} {tag}") for tag in _TAGS),
                ),
                Panel(
                    "Age of the head",
                    "Of what the nodes have, and of what is published. Grows while no block comes.",
                    Unit.SECONDS,
                    tuple(
                        Query(highest(listener.CHAIN_BLOCK_AGE, "chain", matchers=(f'tag="{tag}"',)), legend)
                        for tag, legend in (("node", "{{chain}} node"), ("head", "{{chain}} published"))
                    ),
                ),
                Panel(
                    "Age of safe and finalized",
                    "Since the time of the last block that is. Saws between two values; grows: no finality.",
                    Unit.SECONDS,
                    (
                        Query(
                            highest(
                                listener.CHAIN_BLOCK_AGE, "chain", "tag", matchers=('tag=~"safe|finalized"',)
                            ),
                            "{{chain}} {{tag}}",
                        ),
                    ),
                ),
                Panel(
                    "Sequence",
                    "Of the last event on raw-blocks. Stands still: nothing is published.",
                    Unit.PER_SECOND,
                    (Query(f"deriv({series(listener.CHAIN_SEQUENCE)}[5m])", "{{chain}}"),),
                ),
                Panel(
                    "Events",
                    "CLAIM again and again: two listeners, or a Kafka that does not acknowledge.",
                    Unit.PER_SECOND,
                    (Query(rate(listener.EVENTS, "chain", "event"), "{{chain}} {{event}}"),),
                ),
                Panel(
                    "Forks followed",
                    "And how many blocks they reverted.",
                    Unit.PER_SECOND,
                    (
                        Query(rate(listener.REORGS, "chain"), "{{chain}} forks"),
                        Query(rate(listener.REORG_DEPTH, "chain", part="_sum"), "{{chain}} blocks"),
                    ),
                    sparse=True,
                ),
                Panel(
                    "Repairs",
                    "Requests answered, and those that wait.",
                    Unit.NUMBER,
                    (
                        Query(rate(listener.REPAIRS, "chain", "outcome"), "{{chain}} {{outcome}} a second"),
                        Query(highest(listener.REPAIR_REQUESTS_WAITING, "chain"), "{{chain}} waiting"),
                    ),
                    sparse=True,
                ),
            ),
        ),
        Row(
            "Its nodes",
            (
                Panel(
                    "Calls",
                    "By endpoint and outcome.",
                    Unit.PER_SECOND,
                    (Query(rate(listener.NODE_REQUESTS, "endpoint", "outcome"), "{{endpoint}} {{outcome}}"),),
                ),
                Panel(
                    "Failing share of calls",
                    "Above a half: HeadwaterNodeFailing.",
                    Unit.SHARE,
                    (
                        Query(
                            f"{rate(listener.NODE_REQUESTS, 'endpoint', matchers=_FAILED)} / "
                            f"{rate(listener.NODE_REQUESTS, 'endpoint')}",
                            "{{endpoint}}",
                        ),
                    ),
                    sparse=True,
                ),
                Panel(
                    "Duration of a call, 95 %",
                    "By method: slow receipts slow the head.",
                    Unit.SECONDS,
                    (
                        Query(
                            quantile(listener.NODE_SECONDS, 0.95, "endpoint", "method"),
                            "{{endpoint}} {{method}}",
                        ),
                    ),
                ),
                Panel(
                    "Age of the head, by endpoint",
                    "Of several endpoints, asked every 15 s. One grows: that node stands still or is away.",
                    Unit.SECONDS,
                    (Query(highest(listener.NODE_HEAD_AGE, "chain", "endpoint"), "{{chain}} {{endpoint}}"),),
                    sparse=True,
                ),
                Panel(
                    "Endpoints passed over",
                    "1 while others are asked first, and why.",
                    Unit.NUMBER,
                    (
                        Query(
                            highest(listener.NODE_DEMOTED, "endpoint", "reason") + " > 0",
                            "{{endpoint}} {{reason}}",
                        ),
                    ),
                    sparse=True,
                ),
                Panel(
                    "Asked beside a slow one",
                    "Whether the second answer was used.",
                    Unit.PER_SECOND,
                    (Query(rate(listener.NODE_HEDGES, "endpoint", "outcome"), "{{endpoint}} {{outcome}}"),),
                    sparse=True,
                ),
                Panel(
                    "Questions given up",
                    "No endpoint had a good answer in time; they are asked again.",
                    Unit.PER_SECOND,
                    (Query(rate(listener.NODES_OVERDUE, "chain"), "{{chain}}"),),
                    sparse=True,
                ),
                Panel(
                    "Answers refused",
                    "Blocks that failed a check, and which.",
                    Unit.PER_SECOND,
                    (Query(rate(listener.REJECTED_BLOCKS, "chain", "check"), "{{chain}} {{check}}"),),
                    sparse=True,
                ),
            ),
        ),
    ),
)
