"""Rules of every kind over the local chain's traffic, by how a test edits them."""

from __future__ import annotations

from typing import Final

from sandbox.traffic.deployment import places
from streams.logic.alerts.compiling import rules_of

BUSY: Final = """
- id: busy-token
  match: token-transfer
  group_by: [token_address]
  window: {{size: 20s, every: 5s, count: ">= {bound}"}}
  title: "{{{{ count }}}} transfers of {{{{ token_address | label }}}}"
  channels: [ops]
"""
GOLD: Final = f"""
- id: gold-moves
  match: token-transfer
  where: token_address == "{places().gold}" && value > 1000
  group_by: [from_address]
  cooldown: 4s
  channels: [ops, siem]
"""
# By id: each has another text after an edit, is taken out by one, or stays.
RULES: Final = f"""
- id: few-senders
  match: transaction
  window: {{size: 6s, distinct(from_address): "< 12", avg(receipt_gas_used): "> 21000"}}
  channels: [siem]
- id: failed
  match: transaction
  where: receipt_status == 0
  finality: safe
  channels: [siem]
- id: silver-is-silent
  match: absence
  of: token-transfer
  within: 2s
  where: token_address == "{places().silver}"
  channels: [ops]
- id: deep-fork
  match: reorg
  where: depth > 2
  channels: [ops, siem]
- id: orphaned
  match: transaction-state
  where: state == "REORGED"
  cooldown: 5s
  channels: [siem]
- id: busy-minute
  match: stat
  where: statistic == "token" && window_seconds == 60 && transfer_count > 20
  channels: [ops]
- id: listed
  match: transaction
  where: to_address in lists.watched
  channels: [ops]
"""


def keyed(*texts: str) -> dict[str, str | None]:
    """The rules of these texts as keys of the configuration."""
    return {f"rule:{own}": text for own, text in rules_of("".join(texts), "rules")}
