"""Life on the local chain: transfers, swaps, creations, failures, replacements, drops and reorgs.

Read it in this order: `accounts`, `abi` and `deployment` (who and what is there), `actions` (what is
chosen), `signing` (transactions of every type), `reorg` (what a fork keeps), `generator` (the loop).
"""
