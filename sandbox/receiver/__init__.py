"""A receiver of webhooks on this machine: it checks signatures, shows what came, and proves the order.

Read it in this order: `checker` (what must hold), `faults` (what it does wrong), `server` (what came),
`__main__` (as a process).
"""

from typing import Final

SECRET_VARIABLE: Final = "WEBHOOK_SECRET"
"""Where its process finds the signing secret, unless it is told of another variable."""
