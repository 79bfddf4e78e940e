"""The metrics that every stage counts."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from headwater.metrics.buckets import BLOCK_SECONDS, SECONDS

STAGE_EVENTS = Counter("headwater_stage_events", "Chain events handled", ["chain", "stage", "event"])
STAGE_RECORDS = Counter("headwater_stage_records", "Records written", ["chain", "stage", "stream"])
STAGE_SEQUENCE = Gauge("headwater_stage_sequence", "Last sequence a stage has finished", ["chain", "stage"])
STAGE_BLOCK = Gauge(
    "headwater_stage_block", "Height of the last block a stage has finished", ["chain", "stage"]
)
STAGE_SECONDS = Histogram(
    "headwater_stage_seconds",
    "Time a stage took for one batch of events",
    ["chain", "stage"],
    buckets=SECONDS,
)
STAGE_BATCH_EVENTS = Histogram(
    "headwater_stage_batch_events",
    "Events that a stage handled and wrote together",
    ["chain", "stage"],
    buckets=(1, 2, 4, 8, 16),
)
STAGE_LATENCY = Histogram(
    "headwater_stage_latency_seconds",
    "From the listener's write to the stage's finish",
    ["chain", "stage"],
    buckets=SECONDS,
)
STAGE_BLOCK_AGE = Histogram(
    "headwater_stage_block_age_seconds",
    "From a block's own timestamp to the stage's finish",
    ["chain", "stage"],
    buckets=BLOCK_SECONDS,
)
STAGE_ACTIVE = Gauge(
    "headwater_stage_active",
    "1 in the process that has the stage's partition, 0 in one that stands by",
    ["chain", "stage"],
)
STAGE_RECOVERY = Histogram(
    "headwater_stage_recovery_seconds",
    "From an assignment's first message until the stage may handle it: former owner fenced, state restored",
    ["chain", "stage"],
    buckets=SECONDS,
)
STAGE_REPEATS = Counter("headwater_stage_repeats", "Repeated sequences dropped", ["chain", "stage"])
STAGE_GAPS = Counter(
    "headwater_stage_gaps",
    "Gaps in the sequence: the topic is read again, which closes most",
    ["chain", "stage"],
)
STAGE_GAP = Gauge(
    "headwater_stage_gap",
    "1 while the topic itself has a gap in the sequence: the stage goes no further",
    ["chain", "stage"],
)
TAKEN_BACK = Counter(
    "headwater_chain_taken_back",
    "CLAIMs of late, of any process anywhere, by a listener that had lost the chain to another one",
    ["chain"],
)
STALE_CLAIMS = Counter(
    "headwater_stage_stale_claims", "Events of a fenced listener ignored", ["chain", "stage"]
)
TRANSACTION_SECONDS = Histogram(
    "headwater_kafka_transaction_seconds",
    "Duration of a Kafka transaction",
    ["chain", "stage"],
    buckets=SECONDS,
)
STATE_BLOCKS = Gauge("headwater_state_blocks", "Blocks in the working table of the state stage", ["chain"])
