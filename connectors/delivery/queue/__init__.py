"""The ledger of deliveries as a fold, and what comes next: pure.

Read it in this order: `delivery` (an entry), `alert` (the versions of one alert on one channel: what is
superseded, what has expired, what is next), `attempt` (what an attempt makes of an entry), `notification` and
`grouping` (what goes out together), `policy`, `circuit` and `pace` (when a channel may be used), `waiting`
(what is due), `oldest` (what has waited longest), `channel` (all of a channel), `routing` (from an alert to
its entries).
"""
