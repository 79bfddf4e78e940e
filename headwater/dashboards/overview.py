"""Is all well, and if not, where to look."""

from __future__ import annotations

from headwater.dashboards.model import Dashboard, Panel, PanelType, Query, Row, Unit
from headwater.dashboards.select import highest, quantile, rate, series
from headwater.metrics import alerts, build, consumers, delivery, listener, sink, stages

_NODE = 'tag="node"'
_HEAD = highest(listener.CHAIN_BLOCK, "chain", matchers=('tag="head"',))
OVERVIEW = Dashboard(
    "overview",
    "Headwater: overview",
    "All chains of a namespace: are they followed, how late is what people see, who is behind.",
    (
        Row(
            "Is all well?",
            (
                Panel(
                    "Head published",
                    "Height of the last block on the public topics. It has to move.",
                    Unit.NUMBER,
                    (Query(_HEAD, "{{chain}}"),),
                    PanelType.NUMBER,
                    6,
                    4,
                ),
                Panel(
                    "Behind the node, blocks",
                    "Blocks that the node has and the topics have not. Stays up: the listener is slow.",
                    Unit.NUMBER,
                    (
                        Query(
                            f"{highest(listener.CHAIN_BLOCK, 'chain', matchers=(_NODE,))} - {_HEAD}",
                            "{{chain}}",
                        ),
                    ),
                    PanelType.NUMBER,
                    6,
                    4,
                ),
                Panel(
                    "Oldest unread message",
                    "Of all groups. `headwater lag` says whose, and what would help.",
                    Unit.SECONDS,
                    (Query(highest(consumers.CONSUMER_LAG_SECONDS, "chain"), "{{chain}}"),),
                    PanelType.NUMBER,
                    6,
                    4,
                ),
                Panel(
                    "Processes",
                    "By role. Fewer than there should be: `kubectl get pods`.",
                    Unit.NUMBER,
                    (Query(f"count by (role) ({series(build.BUILD)})", "{{role}}"),),
                    PanelType.NUMBER,
                    6,
                    4,
                ),
            ),
        ),
        Row(
            "How late is what people see?",
            (
                Panel(
                    "Block's own time to visible row",
                    "End to end, the node's share included. Compare with the panel beside it.",
                    Unit.SECONDS,
                    (
                        Query(quantile(sink.BLOCK_AGE_VISIBLE, 0.5, "chain"), "{{chain}} half of them"),
                        Query(quantile(sink.BLOCK_AGE_VISIBLE, 0.99, "chain"), "{{chain}} 99 %"),
                    ),
                ),
                Panel(
                    "APPLY to visible row",
                    "From the listener's write on: what Headwater itself takes.",
                    Unit.SECONDS,
                    (
                        Query(quantile(sink.BLOCK_VISIBLE_SECONDS, 0.5, "chain"), "{{chain}} half of them"),
                        Query(quantile(sink.BLOCK_VISIBLE_SECONDS, 0.99, "chain"), "{{chain}} 99 %"),
                    ),
                ),
                Panel(
                    "Lag in seconds, by group",
                    "Age of the first message that a group has not finished.",
                    Unit.SECONDS,
                    (
                        Query(
                            highest(consumers.CONSUMER_LAG_SECONDS, "chain", "group"), "{{chain}} {{group}}"
                        ),
                    ),
                ),
            ),
        ),
        Row(
            "What goes through?",
            (
                Panel(
                    "Chain events published",
                    "APPLY of each block; REVERT of a fork.",
                    Unit.PER_SECOND,
                    (Query(rate(listener.EVENTS, "chain", "event"), "{{chain}} {{event}}"),),
                ),
                Panel(
                    "Records written by stages",
                    "Messages on the public topics.",
                    Unit.PER_SECOND,
                    (Query(rate(stages.STAGE_RECORDS, "chain", "stream"), "{{chain}} {{stream}}"),),
                ),
                Panel(
                    "Rows stored",
                    "Acknowledged by ClickHouse.",
                    Unit.PER_SECOND,
                    (Query(rate(sink.SINK_ROWS, "chain", "table"), "{{chain}} {{table}}"),),
                ),
                Panel(
                    "Dead letters",
                    "Any is to be looked at: `headwater replay`.",
                    Unit.PER_SECOND,
                    (Query(rate(consumers.DEAD_LETTERS, "chain", "stage", "error"), "{{stage}} {{error}}"),),
                    sparse=True,
                ),
                Panel(
                    "Alerts given and taken back",
                    "Versions of alerts by their status.",
                    Unit.PER_SECOND,
                    (Query(rate(alerts.ALERT_VERSIONS, "chain", "status"), "{{chain}} {{status}}"),),
                    sparse=True,
                ),
                Panel(
                    "Deliveries",
                    "By what became of them. `dead` was given up.",
                    Unit.PER_SECOND,
                    (Query(rate(delivery.DELIVERIES, "chain", "state"), "{{chain}} {{state}}"),),
                    sparse=True,
                ),
            ),
        ),
    ),
)
