"""Whether `transaction-states` says what the facts of each transaction make. Pure.

Read it in this order: `record` (a message, and what must hold of it alone) from `decode`, `life` (what is
known of a transaction, and of a block's), `facts` (an event of a block to lives), `judge` (the messages
of one sequence against them), `absences` (messages that lack until something explains it), `check` (all
of it, as far as blocks and states are read).
"""
