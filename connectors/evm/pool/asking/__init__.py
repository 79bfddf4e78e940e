"""How work is put to endpoints.

Read it in this order: `work`; `single`, on one of them; `failover`, on one after another; `together`, on all.
"""
