"""The stages: who works, how far behind, how long each takes."""

from __future__ import annotations

from headwater.dashboards.model import Dashboard, Panel, Query, Row, Unit
from headwater.dashboards.select import highest, quantile, rate, series
from headwater.metrics import aggregate, alerts, consumers, listener, stages

_STAGE = "{{chain}} {{stage}}"

STAGES = Dashboard(
    "stages",
    "Headwater: stages",
    "The live line: one process works and one stands by for each stage of a chain.",
    (
        Row(
            "Who works, and how far behind",
            (
                Panel(
                    "Active processes",
                    "1 of each stage. 0: nobody has its partition; 2: one does not know that it lost it.",
                    Unit.NUMBER,
                    (Query(f"sum by (chain, stage) ({series(stages.STAGE_ACTIVE)})", _STAGE),),
                ),
                Panel(
                    "Lag in messages",
                    "Chain events that wait.",
                    Unit.NUMBER,
                    (Query(highest(consumers.CONSUMER_LAG, "chain", "group"), "{{chain}} {{group}}"),),
                ),
                Panel(
                    "Lag in seconds",
                    "Age of the first event that is not finished.",
                    Unit.SECONDS,
                    (
                        Query(
                            highest(consumers.CONSUMER_LAG_SECONDS, "chain", "group"), "{{chain}} {{group}}"
                        ),
                    ),
                ),
                Panel(
                    "Block",
                    "Height of the last block that a stage has finished.",
                    Unit.NUMBER,
                    (Query(highest(stages.STAGE_BLOCK, "chain", "stage"), _STAGE),),
                ),
                Panel(
                    "Sequence behind the listener's",
                    "Events that were published and that a stage has not finished.",
                    Unit.NUMBER,
                    (
                        Query(
                            f"{highest(listener.CHAIN_SEQUENCE, 'chain')} - on (chain) group_right () "
                            f"{highest(stages.STAGE_SEQUENCE, 'chain', 'stage')}",
                            _STAGE,
                        ),
                    ),
                ),
                Panel(
                    "Rebalances",
                    "Of each group, sink and delivery too. Again and again: members die, or poll too slowly.",
                    Unit.PER_SECOND,
                    (Query(rate(consumers.CONSUMER_REBALANCES, "chain", "group"), "{{chain}} {{group}}"),),
                    sparse=True,
                ),
                Panel(
                    "Taking a partition over, 95 %",
                    "Fencing the former owner and restoring state, at each start and rebalance.",
                    Unit.SECONDS,
                    (Query(quantile(stages.STAGE_RECOVERY, 0.95, "chain", "stage"), _STAGE),),
                    sparse=True,
                ),
            ),
        ),
        Row(
            "How long it takes",
            (
                Panel(
                    "From the listener's write, 99 %",
                    "APPLY until the stage has finished the event.",
                    Unit.SECONDS,
                    (Query(quantile(stages.STAGE_LATENCY, 0.99, "chain", "stage"), _STAGE),),
                ),
                Panel(
                    "From the block's own time, 99 %",
                    "The node's share included.",
                    Unit.SECONDS,
                    (Query(quantile(stages.STAGE_BLOCK_AGE, 0.99, "chain", "stage"), _STAGE),),
                ),
                Panel(
                    "A batch, 95 %",
                    "Judging, deciding, writing. Near the time between blocks: the stage is at its limit.",
                    Unit.SECONDS,
                    (Query(quantile(stages.STAGE_SECONDS, 0.95, "chain", "stage"), _STAGE),),
                ),
                Panel(
                    "Events in a batch, 95 %",
                    "1 at the head. More: a stage catches up, and writes several blocks together.",
                    Unit.NUMBER,
                    (Query(quantile(stages.STAGE_BATCH_EVENTS, 0.95, "chain", "stage"), _STAGE),),
                ),
                Panel(
                    "A Kafka transaction, 95 %",
                    "Rises with all stages at once: the brokers are slow.",
                    Unit.SECONDS,
                    (Query(quantile(stages.TRANSACTION_SECONDS, 0.95, "chain", "stage"), _STAGE),),
                ),
            ),
        ),
        Row(
            "What it does",
            (
                Panel(
                    "Messages read",
                    "By group, sink and delivery too; a block may be several.",
                    Unit.PER_SECOND,
                    (Query(rate(consumers.CONSUMER_MESSAGES, "chain", "group"), "{{chain}} {{group}}"),),
                ),
                Panel(
                    "Events",
                    "By kind.",
                    Unit.PER_SECOND,
                    (Query(rate(stages.STAGE_EVENTS, "stage", "event"), "{{stage}} {{event}}"),),
                ),
                Panel(
                    "Records",
                    "Written, by stream.",
                    Unit.PER_SECOND,
                    (Query(rate(stages.STAGE_RECORDS, "stage", "stream"), "{{stage}} {{stream}}"),),
                ),
                Panel(
                    "Repeats dropped, stale claims, gaps",
                    "Repeats follow a restart. A stale claim is a fenced listener's. A gap is an alarm.",
                    Unit.PER_SECOND,
                    (
                        Query(rate(stages.STAGE_REPEATS, "chain", "stage"), f"{_STAGE} repeats"),
                        Query(rate(stages.STALE_CLAIMS, "chain", "stage"), f"{_STAGE} stale"),
                        Query(rate(stages.STAGE_GAPS, "chain", "stage"), f"{_STAGE} gaps"),
                    ),
                    sparse=True,
                ),
                Panel(
                    "What stages remember",
                    "Bounded by finality: grows without bound when finality stands still.",
                    Unit.NUMBER,
                    (
                        Query(highest(stages.STATE_BLOCKS, "chain"), "{{chain}} state, blocks"),
                        Query(highest(aggregate.AGGREGATE_BLOCKS, "chain"), "{{chain}} aggregate, blocks"),
                        Query(highest(aggregate.AGGREGATE_ENTITIES, "chain"), "{{chain}} aggregate, sums"),
                        Query(highest(alerts.ALERT_BLOCKS, "chain"), "{{chain}} alert, blocks"),
                        Query(highest(alerts.ALERT_TRACKS, "chain"), "{{chain}} alert, tracks"),
                    ),
                ),
            ),
        ),
    ),
)
