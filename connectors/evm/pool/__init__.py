"""Several endpoints of one chain: `nodes` runs a piece of work whole on one of them, with failover."""
