"""Asking the listener to say blocks again: which, what became of it before, the request and its outcome.

Read it in this order: `connectors.evm.repair.request` (what is asked and answered), `letters` (dead letters
as they stand on their topic), `block` (which block a letter is about), `sequence` (the same by the number
of an event), `history` (what became of a letter), `plan` (one request per block), `differences` (the same for
what `headwater verify` found); then what talks to Kafka: `survey` over `topic` (all that is there),
`asking` (requests and outcomes).
"""
