"""The chart: rendered by Helm, held against schemas and against the code. `toolbox` brings what that takes.

`python -m tests.helm.readme > helm/headwater/README.md` writes the chart's README.
"""
