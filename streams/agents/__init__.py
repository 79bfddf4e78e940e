"""The stages: thin shells that read, call pure logic and say what to write; one module for each group."""
