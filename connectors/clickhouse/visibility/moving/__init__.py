"""Rows of blocks that were settled long ago go into tables of their own, which are read without FINAL.

Read it in this order: `plan` (which heights next, pure), `attempts` (whose turn it is, and what a process
that died left, pure), `statements` (the text), `store` (what was moved, as ClickHouse keeps it), `mover` (one
move after the other), `sweep` (what was moved leaves the tables that the sink writes), `loop` (beside the
sink).
docs/adr/0027 says why a reader sees every row once at each moment.
"""
