"""JSON-RPC to one node.

Read it in this order: `endpoint` (makes any call by its name), `answers` (what an HTTP answer means),
`phrases` (what providers mean by their words: a new one is a line there, its source in the test),
`socket` (a WebSocket), `once` (one call from code without an event loop), `chain_id` (asks a node which
chain it is on).

A call is made where its result is needed (a block's in `blocks/`, a tag's in `head/`), never wrapped
here.
"""
