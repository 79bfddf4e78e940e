"""The sink: what it stores, what it waits for."""

from __future__ import annotations

from headwater.dashboards.model import Dashboard, Panel, Query, Row, Unit
from headwater.dashboards.select import highest, quantile, rate
from headwater.metrics import consumers, sink

_SINK = ('group=~"(.*[.])?sink"',)

SINK = Dashboard(
    "sink",
    "Headwater: sink",
    "From the public topics to ClickHouse.",
    (
        Row(
            "Does it follow?",
            (
                Panel(
                    "Lag in messages, by topic",
                    "Of the worst partition. One that stands out: `headwater lag --partitions`.",
                    Unit.NUMBER,
                    (Query(highest(consumers.CONSUMER_LAG, "chain", "topic", matchers=_SINK), "{{topic}}"),),
                ),
                Panel(
                    "Lag in seconds, by topic",
                    "Age of the first message that is not stored.",
                    Unit.SECONDS,
                    (
                        Query(
                            highest(consumers.CONSUMER_LAG_SECONDS, "chain", "topic", matchers=_SINK),
                            "{{topic}}",
                        ),
                    ),
                ),
                Panel(
                    "Paused",
                    "1 while ClickHouse takes no rows.",
                    Unit.NUMBER,
                    (Query(highest(sink.SINK_PAUSED, "chain"), "{{chain}}"),),
                ),
                Panel(
                    "APPLY to visible row",
                    "What Headwater takes, end to end.",
                    Unit.SECONDS,
                    tuple(
                        Query(
                            quantile(sink.BLOCK_VISIBLE_SECONDS, share, "chain"), f"{{{{chain}}}} {share:.0%}"
                        )
                        for share in (0.5, 0.95, 0.99)
                    ),
                ),
                Panel(
                    "Blocks held back",
                    "Coverage that waits for its block's rows. Stays up: rows of a partition do not come.",
                    Unit.NUMBER,
                    (Query(highest(sink.SINK_HELD_BLOCKS, "chain"), "{{chain}}"),),
                ),
                Panel(
                    "Messages in memory",
                    "Bounded by sink.buffer_messages.",
                    Unit.NUMBER,
                    (Query(highest(sink.SINK_BUFFERED, "chain"), "{{chain}}"),),
                ),
            ),
        ),
        Row(
            "What it stores",
            (
                Panel(
                    "Rows",
                    "Acknowledged, by table.",
                    Unit.PER_SECOND,
                    (Query(rate(sink.SINK_ROWS, "chain", "table"), "{{chain}} {{table}}"),),
                ),
                Panel(
                    "Rows of an insert, half of them",
                    "Small ones at the head are as they should be; small ones while behind are not.",
                    Unit.NUMBER,
                    (Query(quantile(sink.SINK_BATCH_ROWS, 0.5, "table"), "{{table}}"),),
                ),
                Panel(
                    "Duration of an insert, 95 %",
                    "Rises with all tables at once: ClickHouse merges, or is short of memory.",
                    Unit.SECONDS,
                    (Query(quantile(sink.SINK_INSERT_SECONDS, 0.95, "table"), "{{table}}"),),
                ),
                Panel(
                    "Inserts tried again",
                    "By table. Its log has ClickHouse's words.",
                    Unit.PER_SECOND,
                    (Query(rate(sink.SINK_RETRIES, "table"), "{{table}}"),),
                    sparse=True,
                ),
            ),
        ),
    ),
)
