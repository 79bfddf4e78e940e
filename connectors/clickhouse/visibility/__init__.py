"""Settled heights: blocks that are final and whole, for which views need not ask coverage.

Read it in this order: `heights` (sets of block numbers, pure), `settling` (which blocks, pure), `store` (as
ClickHouse keeps them), `settler` (adds to them), `loop` (beside the sink), `moving/` (their rows go into
tables of their own).
"""
