"""Benchmarks: each prints a table, writes JSON, and holds its figures against a limit or a peer.

Read it in this order: `__main__` (which there are), `report` and `blocks` (what all are about), then any
of

- one core without services: `codec`, `streams`, `public_messages`, `aggregate`, `alerts`, `rules`,
  `listener`, `pool`;
- processes on the local stack: `listening`, `workers`, `backlog`, `sink`, `replicas`, `scaling`,
  `endtoend` with its `windows`, `visible`, `latency`;
- what is asked of the tables: `questions`, `queries`, `views` over a `history`;
- other programs: `peers/`.

`local_services`, `stack`, `clickhouse`, `processes`, `slowed` and `compiled` are what they run on.
"""
