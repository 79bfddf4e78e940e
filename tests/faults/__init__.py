"""Each part is paused, killed, cut off or filled, and the alert that an SRE expects fires: `make faults`.

Read it in this order: `catalogue` (the list of faults, the only one: a new fault is an entry there), `blows`
(what can be done to a part), `alerts` and `course` (from what Alertmanager shows to how a fault went, pure),
`alertmanager` (which asks it), `nodes` (the chain, and the nodes that serve it), `site` (the stack under all
that), `disk` (the small one that is filled), `report` (the table), `run`, `__main__` (the command).
"""
