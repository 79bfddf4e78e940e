"""The listener: from a chain's nodes to its log.

Read it in this order: `app` (put together), `leadership/` (which of a chain's listeners
leads), `leading` (what that one does), `head/` (follows the head), `repair/` (says a block again when
asked), `blocks/` (whole blocks, checked), `log/` (the writer of raw-blocks and what it reads back), `pool/`
(several endpoints of one chain), `rpc/` (JSON-RPC to one), `events` (a block and what is said of it, before
it has a place in the log); and `node_check/` (what a node can do, for `headwater node check`).
"""
