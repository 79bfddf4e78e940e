"""Facts of the Ethereum protocol as pure functions: no I/O, no clock, no settings.

Read it in this order: `rlp`, `forks` and `header` (a header's hash), `roots` (of its
lists), `answers` (what a node says), `bloom` (a block's logs bloom), `transfers`
(the token transfers of a log), `creation` (a new contract's address), `identity`
(event_id and Kafka keys of a record), `addresses` (as people write them).
"""
