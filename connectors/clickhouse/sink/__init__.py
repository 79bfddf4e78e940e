"""The sink: public topics to ClickHouse's rows, a block visible whole or not at all.

Read it in this order: `app` (the process) and `assembly` (its parts put together), `routes` (stream to
table), `loop` (consume, write, commit), `consumer` (its place in the group), `placement/` (where the
reading of a partition begins), `backpressure` (what is not read for now), `stream`, `buffer` and `lane` (a
stream on its way to its table), `writer` (one batch; bad rows set aside with `bisect`, counted on from
`recent`, outages waited out by `retries`), `rows` and `table` (a table takes the columns that its schema
has by name: none is listed here), `avro/` (large batches that ClickHouse decodes), `progress` (what may be
committed), `coverage/` (the rows that make a block visible), `guard` (retractions below finality),
`dead_letters`, `report` (health, and what is held), `messages`.
"""
