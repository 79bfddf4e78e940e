"""Life on the local chain: transfers, swaps, creations, failures, replacements, drops and reorgs.

Read it in this order: `accounts`, `abi` and `deployment` (who and what is there), `actions` (what is
chosen), `signing` (transactions of every type), `reorg` (what a fork keeps), `generator` (the loop).
"""

import os

# Of web3 and eth-account, before their first hash: 1.25 µs each instead of the 9 of the default.
os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")
