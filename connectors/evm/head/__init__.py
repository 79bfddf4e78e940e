"""Following the head of a chain.

Read it in this order: `listener` (the loop), `forks` (what is taken back), `finality` (SAFE and FINALIZED),
`progress` (metrics and health), `heads` (the topic of heads, for people).
"""
