"""From a node's answers to typed records.

Read it in this order: `event` (one event, whole), `input` and `decode` (the answers read), `answers` (their
shape), `differences` (what a node says twice must agree), `records` (the Avro bodies), `hex` and `faults`.
"""
