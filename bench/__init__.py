"""Benchmarks: each prints a table, writes JSON, and holds its figures against a limit or a peer."""
