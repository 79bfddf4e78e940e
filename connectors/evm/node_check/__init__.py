"""What a node can do for the listener, found by asking it.

Read it in this order: `findings` (what is found of one endpoint), `limits` and `probe` (how it is asked),
`run` (several at once), `advice` (what follows from the findings of several: settings, words, a verdict).
"""
