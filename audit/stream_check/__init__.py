"""Proof that the public topics keep their promises to consumers, from the topics alone.

Read it in this order: `algebra/` (what must hold, pure), `decode` (messages to its records), `positions`
over `offsets` (where partitions begin and end) and `height` (where a block is), `states/` (whether the states
of transactions are what their blocks' events make, pure), `reading` (all partitions side by side), `run`
(rounds of asking, reading and judging), `session` (a check on a cluster, put together).
"""
