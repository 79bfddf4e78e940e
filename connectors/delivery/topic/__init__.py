"""Ledger and channels in Kafka.

Read it in this order: `channels` (what is delivered on), `partition` (where a channel's entries stand),
`transactions`, `ledger` (the partitions of the ledger that a process owns), `standing` (what readiness says
of them), `entries` (the ledger as the command line reads it, and asks for deliveries again), `log_fields`.
"""
