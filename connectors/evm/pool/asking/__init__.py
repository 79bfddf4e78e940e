"""How work is put to endpoints.

Read it in this order: `work`; `single`, on one of them; `failover`, on one after another; `rounds`, again
and again until a `deadline`, and what that says when it has `given_up`; `together`, on all.
"""
