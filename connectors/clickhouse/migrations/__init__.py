"""Tables and views: ordered SQL files, never changed once released; a new column is a new file, for the table
and for its twins (`settled_…`, `transaction_state_changes`). The field that it takes stands in
`schemas/avro/` first.

Read it in this order: the files by their numbers, `files` (what the head of one says), `template` (fills in
database, cluster and chain), `runner` (applies what is due, once), `standing` (may this version run on a
database that a newer one has changed?), `objects` (which tables and views are there then).
"""
