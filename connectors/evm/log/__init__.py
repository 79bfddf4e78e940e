"""A chain's log, raw-blocks: its writer, and what a listener reads back of it.

Read it in this order: `store` (the seam to Kafka) and `kafka_store`, `codec` (events to and from
messages), `whole` (which messages make an event that counts), `branch` (the published branch), `tail`
(the fold that finds where a listener stopped), `links/` and `stored` (what it is read from), `follower`
(who reads along), `content` (what was published of a block), `writer` (claims, numbers, publishes),
`retention` (what may go), `search` (a block's events far back in the log), `async_log` over `thread` (all
of it for an event loop).
"""
