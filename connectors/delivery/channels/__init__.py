"""What a channel is: one module a kind, behind one protocol.

Read it in this order: `channel` (the protocol, and what all kinds have set), `print` (the smallest one),
`addresses` (which may be called), `http` (calls), `webhook`, `kinds` (the list of kinds: a new one is a
module and a line there, and its settings in docs/delivery.md), `text` (channels as YAML).
"""
