"""Child processes: `process` is one, `supervisor` keeps all running, `launch` sees that none outlives us."""
