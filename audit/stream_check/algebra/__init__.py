"""The algebra of the public topics: what a consumer may rely on, as a fold over their messages. Pure.

Read it in this order: `record` (a message), `finding` (a broken promise, and the closed list of their
kinds), `message` over `partitioner` (what holds of one message), `branch` (APPLY, REVERT and repairs in
order), `event` (the messages of one event of a block), `standing` (what a block's events leave behind),
`asked` and `fronts` (the range, and what lies before it), `judge` (one event after the other), `order` (how
far partitions are read), `fold` (all of it).
"""
