"""The roots that a header has of its lists, recomputed: transactions, receipts, withdrawals.

Read it in this order: `hexrlp` (RLP in hex digits), `transactions`, `receipts` and `withdrawals` (the
encoding of each), `trie` (the root of a list), `lists` (the three roots of a block).
"""
