"""Benchmarks: each prints a table, writes JSON, and holds its figures against a limit or a peer.

Read it in this order: `__main__` (which there are), `report`, `codec`, `streams`, `backlog`, `sink`,
`scaling`, `endtoend`, `peers/`.
"""
