"""From blocks, reverts and finality to the states of transactions.

Read it in this order: `facts` (what decides a state), `tags`, `runs` (when a block was canonical),
`contents` (what it held), `history` (its states) and `block` (all of that together), `fold` (facts in,
changed states out), `index` (which blocks hold a transaction) and `merge` (where several do), `window` (the
table as a window of the log), `input` and `records` (Avro in and out).
"""
