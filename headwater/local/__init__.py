"""The local stack: real Kafka, schema registry, ClickHouse engine and chain as child processes."""
