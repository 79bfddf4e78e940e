"""From a normalised block to public records.

Read it in this order: `event` (one event, whole), `block` (the number, hash and time that all its records
carry), `derived` (token transfers and contract creations), `public` (the messages: bodies pass as they
are), `coverage` (the record
that makes the block complete).
"""
