"""Grafana's dashboards, made from code: `python -m headwater.dashboards helm/headwater/files/dashboards`.

Read it in this order: `model` (what a panel is), `select` (which series), then the dashboards themselves:
`overview`, `chain`, `stages`, `sink`, `delivery`; `grafana` makes Grafana's JSON of them, `every` lists them.
"""
