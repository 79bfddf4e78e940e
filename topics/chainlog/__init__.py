"""The protocol of a chain's log: what its writer and all its readers must agree on. Pure.

Read it in this order: `kinds` (what an event says), `envelope` (the fields that each starts with),
`claims` (which events count), `parts` (an event as several messages), `headers` (Kafka headers of every
message that comes of an event), `log_fields` (what a log line says of one).
"""
