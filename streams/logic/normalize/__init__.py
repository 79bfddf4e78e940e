"""From a node's answers to typed records.

Read it in this order: `event` (one event, whole), `decode` (the answers read), `answers` (their
shape), `differences` (what a node says twice must agree), `records` (the Avro bodies), `hex` and `faults`.
"""
