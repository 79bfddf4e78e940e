"""Several endpoints of one chain: a piece of work runs whole on one of them, with failover.

Read it in this order: `seam`, what the listener needs; `nodes`, what it asks, and `connect`, of what
settings; `asking/`, how; `order` over `standing` and `pace`, who is asked first; `hedging`, who is asked
beside; `admission` and `cordon`, who may be asked at all; `comparison` and `quorum`, what several say of
one block; `rejected`, what a bad answer proves, and `refusal`, what all of them refuse; `survey`, the look at
all of them now and then.
"""
