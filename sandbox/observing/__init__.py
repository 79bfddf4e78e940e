"""Prometheus and Alertmanager beside the local stack, `headwater up --observe`, where they are installed.

Read it in this order: `configuration` (their files, the chart's own rules among them), `lapse` (the rules so
many times as fast), `parts` (processes).
`rules.yaml` is what the chart renders for a chain of that name: `python -m tests.helm.local_rules`.
"""
