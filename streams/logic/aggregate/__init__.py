"""Statistics of windows of block time, folded from the chain's log.

Read it in this order: `measures` (what is counted, and how it adds up), `input` (what one block gives),
`windows` (a window, and what it owes its readers), `decision` (what an event makes go out and be
remembered), `fold` (blocks joining, leaving, being said again), `finality` (what can no longer change
collapses), `entries` (the state topic, there and back), `records` (the public messages), `rebuild`
(windows made again from blocks that are read back).
"""
