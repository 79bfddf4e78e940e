"""Delivers alerts on channels: at least once each, under one id, in the order of their versions.

Read it in this order: `queue/` (the ledger as a fold, and what a channel does next, pure), `channels/` (what
a channel is: one module a kind, and the addresses that may be called), `topic/` (ledger and channels in
Kafka), `router` (from alerts to the ledger), `sender` (HTTP, beside), `dispatcher` (from the ledger to the
channels), `app` (the process).
"""
