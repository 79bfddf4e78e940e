"""Alerts: rules that are read and compiled, and what they say of the chain, folded from its log."""
