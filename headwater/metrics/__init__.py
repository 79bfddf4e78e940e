"""The closed list of metrics, and the server that every role exposes them on."""

from headwater.metrics.stages import *  # noqa: F403
