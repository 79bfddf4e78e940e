"""Proof that node, ledger and tables say the same: comparison, and where each side is read."""
