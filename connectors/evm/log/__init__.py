"""A chain's log, raw-blocks: its writer, and what a listener reads back of it.

Read it in this order: `store` (the seam to Kafka) and `kafka_store`, `codec` (events to and from messages),
`branch` (the published branch), `tail` (the fold that finds where a listener stopped), `writer` (claims,
numbers, publishes), `retention` (what may go), `async_log` (all of it for an event loop).
"""
