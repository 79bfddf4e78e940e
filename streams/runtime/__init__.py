"""What runs a stage: its Faust application, its reads and writes, and the ways it ends.

Read it in this order: `process` (one group's process), `app` and `consumer` (its Faust application), `runner`
(the agent), `assignment` (how a partition is taken over) and `standing` (what readiness says of that),
`assembler` (which messages count, and the events they make), `gap` (what is missing in its input),
`takeovers` (listeners that fight over a chain), `batch` (one batch from messages to writes;
`rejected_blocks` is a test's), `transactions` (which outcomes are written together), `sizes` (whether the
brokers take them), `input`, `output`, `table`, `table_writes`, `state_topic` and `progress` (what is read and
written), `owned` (gauges of whoever has the partition), `configuration` (what the alert stage follows),
`deliveries` and `kafka_retry` (what becomes of a write), `dead_letter`, `kafka_watch` (brokers that reject us
while it runs).
"""
