"""Agents: thin shells that read, call pure logic and say what to write."""
