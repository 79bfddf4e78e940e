"""Is what was published whole and right, and how it is made so again: operators' commands, no process.

Read it in this order: `verify/` (node, coverage and tables compared), `stream_check/` (the public topics held
to their promises, by themselves), `repair/` (from what these found, and from dead letters, to requests for
blocks). It stands above `connectors`, whose clients it uses; nothing but the command line knows it.
"""
