"""Peers measured on the same recorded node, each in an environment of its own."""
