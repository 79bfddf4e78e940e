"""The metrics of the delivery of alerts."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

DELIVERIES = Counter(
    "headwater_deliveries", "Deliveries closed, by what became of them", ["chain", "channel", "state"]
)
DELIVERIES_DEAD_LAST = Gauge(
    "headwater_deliveries_dead_last_timestamp_seconds",
    "When a delivery was last given up, seconds since 1970",
    ["chain", "channel"],
)
DELIVERY_ATTEMPTS = Counter(
    "headwater_delivery_attempts", "Attempts, by what they came to", ["chain", "channel", "answer"]
)
DELIVERY_WAITING = Gauge(
    "headwater_delivery_waiting", "Deliveries that are neither closed nor given up", ["chain", "channel"]
)
DELIVERY_OLDEST = Gauge(
    "headwater_delivery_oldest_seconds",
    "How long the delivery of a channel has waited that waits longest, beyond the channel's group_wait",
    ["chain", "channel"],
)
DELIVERY_CIRCUIT = Gauge(
    "headwater_delivery_circuit",
    "1 for the state that a channel's circuit is in",
    ["chain", "channel", "state"],
)
DELIVERY_SECONDS = Histogram(
    "headwater_delivery_seconds",
    "From an alert's publication to the receiver's acknowledgement",
    ["chain", "channel"],
    buckets=(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 1_800.0, 10_800.0, 43_200.0),
)
DELIVERY_UNKNOWN = Counter(
    "headwater_delivery_unknown_channels",
    "Alerts for a channel that nobody has applied",
    ["chain", "channel"],
)
DELIVERY_UNKNOWN_LAST = Gauge(
    "headwater_delivery_unknown_channels_last_timestamp_seconds",
    "When an alert last named a channel that nobody has applied, seconds since 1970",
    ["chain", "channel"],
)
