"""Other programs that read blocks from a node (cryo, ethereum-etl), measured on the same recorded node.

Each runs in an environment of its own, made on first use.
"""
