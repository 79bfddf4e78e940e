"""The algebra of the public topics: what a consumer may rely on, as a fold over their messages. Pure.

Read it in this order: `record` (a message), `finding` (a broken promise), `message` (what holds of one
message), `branch` (APPLY, REVERT and repairs in order), `event` (the messages of one event of a block),
`standing` (what a block's events leave behind), `fronts` (what lies before the range), `order`
(partitions), `fold` (all of it).
"""
