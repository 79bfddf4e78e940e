"""Proof that the public topics keep their promises to consumers, from the topics alone.

Read it in this order: `algebra/` (what must hold, pure), `decode` (messages to its records), `positions`
(where the partitions begin and end), `pace` and `reading` (all partitions side by side), `run` (a check,
and one that follows).
"""
