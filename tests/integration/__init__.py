"""What needs the real stack: Kafka, registry, ClickHouse's engine, a node. One test after the other, since
they kill, pause and time its parts.
"""
