"""The rules and channels that are in force in the cluster, as files that a person applies."""

from __future__ import annotations

from typing import Final

from tests.cluster.enclosure import ADDRESS
from tests.cluster.services import RECEIVER, SECRET_VARIABLE

EVERY: Final = "every-block"
OPS: Final = "ops"
SIEM: Final = "siem"
CHANNELS: Final = (OPS, SIEM)
# One that must speak of each block, one that keeps windows, and one that waits for what is final.
RULES: Final = f"""\
- id: {EVERY}
  match: block
  channels: [{OPS}]
  title: "block {{{{ block_number }}}}"
- id: busy-usdt
  match: token-transfer
  where: token_address == "0xdac17f958d2ee523a2206206994597c13d831ec7"
  group_by: [token_address]
  window: {{size: 1m, count: ">= 50", distinct(to_address): ">= 10"}}
  channels: [{SIEM}]
  title: "{{{{ count }}}} transfers"
- id: large-usdt
  match: token-transfer
  where: token_address == "0xdac17f958d2ee523a2206206994597c13d831ec7" && value >= 500000000000
  finality: finalized
  channels: [{SIEM}]
  title: "{{{{ value | units(6) }}}} USDT"
"""


def channels() -> str:
    """Both lead to the receiver on the bridge."""
    return "".join(
        f'- {{id: {each}, kind: webhook, url: "http://{ADDRESS}:{RECEIVER}/{each}", '
        f"secret_env: {SECRET_VARIABLE}}}\n"
        for each in CHANNELS
    )
