"""A block with all that belongs to it, from a pool of nodes: `fetcher`."""
