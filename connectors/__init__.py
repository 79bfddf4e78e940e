"""Everything that moves data between Kafka and something else.

Read it in this order: `evm/` (the listener of a chain's nodes), `clickhouse/` (tables, views and the
sink), `delivery/` (alerts to their receivers), `tokens/` (what people say of tokens). `evm`, `clickhouse`
and `delivery` do not know each other.
"""
