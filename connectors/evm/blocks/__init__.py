"""Whole blocks from a node, checked.

Read it in this order: `fetch` (a block with all that belongs to it), `receipts` (in the way a node offers),
`decode` (the few fields that must be known), `checks` (what a block passes before it is published).
"""
