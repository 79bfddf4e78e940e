"""Headwater: blockchain nodes to clean, complete, reorg-proof streams and tables."""

__version__ = "0.1.0"
