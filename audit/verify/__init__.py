"""Proof that node, coverage and tables say the same.

Read it in this order: `compare` (whether they agree, pure), `run` (a range of blocks), `node` and `tables`
(where each side is read).
"""
