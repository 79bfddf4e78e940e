"""Following the head of a chain.

Read it in this order: `listener` (the loop), `refusals` (what may end it), `ticker` and `subscription` (when
to look), `forks` (what is taken back), `finality` (SAFE and FINALIZED) with `tags`, `confirmation` over
`objection`, and `final_age`, `progress` (metrics and health) with `age`, `unlinked` and `waiting`, `heads`
(the topic of heads, for people).
"""
