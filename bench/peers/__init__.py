"""Other programs that read blocks from a node (cryo, ethereum-etl), measured on the same recorded node.

Read it in this order: `environment` (where each is installed), `cost` (what a whole job takes).

Each runs in an environment of its own, made on first use.
"""
