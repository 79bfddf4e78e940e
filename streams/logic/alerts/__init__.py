"""Alerts: rules that are read and compiled, and what they say of the chain, folded from its log.

Read it in this order: `rule` (what a rule is), `rules/` (its text), `cel/` (its condition), `compiling`
(the rule of both), `records` with `texts` (an enriched block as rules see it), `index` (which rules could
match a record), `evaluate` (their answers), over `alert`, `tally` and `gives` (what a record gives to rules);
`tracks` (windows, cooldowns, silences), `joining` (what follows from a block that joins), `decision`,
`incomplete` (alerts of a window of which something is not known),
`remembered` (what is kept of the chain), `judging` (which rules on statistics judged it), `fold` with
`finality`, `repairing` and `adopting` (blocks joining, leaving, becoming final, said again; rules changing);
`configuration` (what is in force),
`derived` (statistics and states, for rules that ask about them), `deducing` (what the rules say of
those), `alerting` (all of it, without a host); `entries` (the state topic, there and back), `messages`
(the public messages).
"""
