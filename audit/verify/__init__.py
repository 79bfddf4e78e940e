"""Proof that node, coverage and tables say the same.

Read it in this order: `compare` (whether they agree, and the kinds of differences, pure), `run` (a range of
blocks), `node` and `tables` (where each side is read).
"""
