"""What the stages decide, as pure functions: no I/O, no clock, no clients.

Read it in this order: `event` (what logic is given and gives back), `amounts` (wei and tokens as records have
them), `body` and `parts` (how an event is written between stages), then one package for each group:
`normalize/`, `enrich/`, `state/`, `aggregate/`, and `alerts/` of the group `alert`. They do not import each
other, but for `alerts`, whose rules ask about statistics and states.
"""
