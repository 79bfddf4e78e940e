"""ClickHouse: tables, views, and the sink.

Read it in this order: `client` (clickhouse-connect, with the settings that guarantees rest on),
`migrations/` (tables and views), `sink/` (public topics to rows), `visibility/` (which blocks need no look
at coverage), `room` (whether a disk has some left, before rows are deleted), `native` (the format that the
sink sends).
"""
