"""Life on the local chain: transfers, swaps, creations, failures, replacements, drops and reorgs.

Read it in this order: `accounts`, `abi` and `deployment` (who and what is there), `actions` (what is
chosen) over `makers` (how each is made) and `holdings` (what its senders own), `signing` (transactions of
every type), `outbox` and `bloblane` (how they are sent) by `node`, `reorg` (what a fork keeps) with
`forking` and `fork` (one now and then, one now), `generator` (the loop).
"""

import os

# Of web3 and eth-account, before their first hash: 1.25 µs each instead of the 9 of the default.
os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")
