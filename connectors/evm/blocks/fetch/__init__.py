"""A block with all that belongs to it, from a pool of nodes.

Read it in this order: `fetcher`, what the listener asks; `tags`, the heads that nodes name; `headers`, by
height or hash; `bodies`, a block of a height or a hash, with `assembly` (its receipts and checks) and
`traces`; `gaps`, heights that no node will ever have. `checking` puts an answer to the checks (those are in
`blocks.checks`), `fetched` is what comes of it.
"""
