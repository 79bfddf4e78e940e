"""From a node's answers to typed records.

Read it in this order: `event` (one event, whole), `decode` (the answers in it), `headwater.evm.answers`
(what they say, which the listener reads by the same), `differences` (what a node says twice should
agree), `records` (the Avro bodies: where a field of a block, transaction or log gets its value), `hex`,
`replaced` (what a repair replaces).
"""
