"""How work is put to endpoints.

Read it in this order: `work`; `single`, on one of them; `failover`, on one after another; `rounds`, again
and again until a `deadline`; `together`, on all; `given_up`, what is said when the time is over.
"""
