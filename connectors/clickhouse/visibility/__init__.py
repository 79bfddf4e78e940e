"""Settled heights: blocks that are final and whole, for which views need not ask coverage.

Read it in this order: `heights` (sets of block numbers, pure), `settling` (which blocks, pure), `store` (as
ClickHouse keeps them), `settler` (adds to them), `ticks` (a thread that does one thing again and again),
`loop` over `chain_id` (settling as such a thread), `moving/` (their rows go into tables of their own).
"""
