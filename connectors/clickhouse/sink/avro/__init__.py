"""Messages inserted as they are: ClickHouse decodes the Avro, and rejects what the strict reader would.

Read it in this order: `container` (messages joined into one Avro file), `casts` (a field as its column),
`statement` (the INSERT … SELECT of a writer's schema), `joined` (a batch on its way in).
"""
