"""The listener's metrics."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from headwater.metrics.buckets import SECONDS

CHAIN_BLOCK = Gauge("headwater_chain_block", "Height of a tag of the chain as published", ["chain", "tag"])
CHAIN_BLOCK_AGE = Gauge(
    "headwater_chain_block_age_seconds",
    "Seconds since the timestamp of a tag's block; it grows while no other block comes",
    ["chain", "tag"],
)
CHAIN_UNFINALIZED = Gauge(
    "headwater_chain_unfinalized_seconds",
    "From the timestamp of the last final block, or of the lowest one before there is any, to the head's",
    ["chain"],
)
FINALITY_STANDS = Gauge(
    "headwater_chain_finality_stands",
    "1 while no other block has become final for half an hour though the head goes on",
    ["chain"],
)
FINALITY_DISPUTED = Gauge(
    "headwater_chain_finality_disputed",
    "1 while a block is final to some nodes and not yet to most, or to as many, others",
    ["chain"],
)
CHAIN_SEQUENCE = Gauge("headwater_chain_sequence", "Last sequence published on raw-blocks", ["chain"])
LEADS = Gauge("headwater_listener_leads", "1 while this listener is the chain's elected one", ["chain"])
EVENTS = Counter("headwater_listener_events", "Events published on raw-blocks", ["chain", "event"])
REORGS = Counter("headwater_listener_reorgs", "Forks followed", ["chain"])
REORG_DEPTH = Histogram(
    "headwater_listener_reorg_depth_blocks",
    "Blocks reverted by a fork",
    ["chain"],
    buckets=(1, 2, 3, 4, 6, 8, 16, 32, 64),
)
REPAIRS = Counter("headwater_listener_repairs", "Requests for repairs, answered", ["chain", "outcome"])
REPAIR_REQUESTS_WAITING = Gauge(
    "headwater_listener_repair_requests_waiting", "Requests for repairs that wait for their answer", ["chain"]
)
NODE_REQUESTS = Counter(
    "headwater_node_requests", "JSON-RPC calls", ["chain", "endpoint", "method", "outcome"]
)
NODE_SECONDS = Histogram(
    "headwater_node_request_seconds",
    "Duration of a JSON-RPC call",
    ["chain", "endpoint", "method"],
    buckets=SECONDS,
)
NODES_OVERDUE = Counter(
    "headwater_nodes_overdue",
    "Questions given up since no endpoint, or of those asked together too few, had a good answer within "
    "chain.overall_timeout_seconds",
    ["chain"],
)
NEW_HEADS = Counter("headwater_node_new_heads", "Heads told of by a WebSocket", ["chain", "endpoint"])
SUBSCRIPTIONS_LOST = Counter(
    "headwater_node_subscriptions_lost",
    "Subscriptions to new heads that ended, by why: closed, refused, silent",
    ["chain", "endpoint", "reason"],
)
NODE_HEAD_AGE = Gauge(
    "headwater_node_head_age_seconds",
    "Seconds since the timestamp of the head that an endpoint told, where several are compared",
    ["chain", "endpoint"],
)
NODE_DEMOTED = Gauge(
    "headwater_node_demoted",
    "1 while other endpoints are asked before this one: errors, throttled, slow, behind, nowhere",
    ["chain", "endpoint", "reason"],
)
NODE_CORDONED = Gauge(
    "headwater_node_cordoned",
    "1 while an endpoint is not asked because it contradicted the others, by what proves it",
    ["chain", "endpoint", "evidence"],
)
NODE_CONTRADICTIONS = Counter(
    "headwater_node_contradictions",
    "Answers of an endpoint that another endpoint's answer to the same question disproved",
    ["chain", "endpoint", "evidence"],
)
NODES_ALL_CORDONED = Gauge(
    "headwater_nodes_all_cordoned",
    "1 while only cordoned endpoints answer, and are asked all the same",
    ["chain"],
)
QUORUM_WAITS = Gauge(
    "headwater_quorum_waits", "1 while too few endpoints agree on a block, by setting", ["chain"]
)
NODE_HEDGES = Counter(
    "headwater_node_hedges",
    "Times that an endpoint was asked beside a slow one, by whether its answer was used",
    ["chain", "endpoint", "outcome"],
)
BLOCK_CACHE = Counter(
    "headwater_listener_block_cache",
    "Blocks asked for by hash, or again by height, by whether they were held",
    ["chain", "outcome"],
)
BLOCK_CACHE_BYTES = Gauge(
    "headwater_listener_block_cache_bytes",
    "Answers of blocks held for being asked for again, bytes",
    ["chain"],
)
REJECTED_BLOCKS = Counter(
    "headwater_listener_rejected_blocks", "Node answers that failed a check", ["chain", "check"]
)
