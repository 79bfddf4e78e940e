"""Where the reading of an assigned partition begins.

Read it in this order: `start` (the rule, pure), `offsets` (what Kafka says), `memory` (what ClickHouse
remembers), `placement` (both asked, and a Kafka made anew rejected).
"""
