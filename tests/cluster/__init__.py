"""Headwater on a real Kubernetes, on one machine without Docker: `make cluster`.

Read it in this order: `__main__` (the run, from outside), `needs` (what the machine must have), `builds` and
`images` (what is made once and kept), `enclosure` (the namespaces that everything runs in and ends with),
`inside` (the run, in there), `control_plane`, `node` and `services` (what is started), `release` (the chart),
`second_version` (what an upgrade goes to), `steps` and `keda` (what is tried), `proof` and `alerting` (what
must hold after each).
"""
