"""Whole blocks from a node, checked.

Read it in this order: `fetch/` (a block with all that belongs to it), `receipts` (in the way a node
offers, one call or many by `batches`), `decode` (the few fields that must be known), `checks` (what a
block passes before it is published: a new check is a method there that names itself in `verified`, and a
setting `chain.verify_…` that turns it off) with `gas`, `senders`, `roots`, `sizes` and `traces` (the same of
those), `unlisted` and `state_sync` (receipts that belong to none of its transactions), `cache`, `errors`.
"""
