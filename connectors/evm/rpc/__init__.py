"""JSON-RPC to one node: `endpoint` makes calls, `answers` says what an HTTP answer means.

`once` makes one call from code without an event loop; `chain_id` asks a node which chain it is on.
"""
