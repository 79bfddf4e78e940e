"""What `headwater doctor` examines, each with what to do about it.

Read it in this order: `finding` (what is said), then what is judged, pure: `brokers`, `tables`, `node`,
`machine`, and `catalogue` for topics and schemas; `areas` asks the services and hands what they say to those.
"""
