"""What a file of faults may say: a seed, and rules in the order in which they are tried."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from headwater.errors import Fatal
from sandbox.node.plan.branches import FinalizedBack, MixedBatch, MovedFinalized, SealedFork
from sandbox.node.plan.connections import (
    Cut,
    Disconnect,
    Garbage,
    HalfOpen,
    HalfWritten,
    Http,
    Latency,
    Oversized,
    RateLimit,
    Silence,
    SilentSubscription,
    Throttled,
)
from sandbox.node.plan.errors import ErrorName
from sandbox.node.plan.rule import Rule

BLOCKS: Final = ("eth_getBlockByNumber", "eth_getBlockByHash")
HEADS: Final = ("eth_blockNumber", "eth_getBlockByNumber")
RECEIPTS: Final = ("eth_getBlockReceipts",)


class Error(Rule):
    """A JSON-RPC error: one of real providers by `name`, or any."""

    kind: Literal["error"]
    name: ErrorName | None = None
    code: int = -32000
    message: str = "internal error"


class Null(Rule):
    """The call is answered null: a block of the head that a node has not yet."""

    kind: Literal["null"]


class EmptyReceipts(Rule):
    """Receipts are an empty list."""

    kind: Literal["empty_receipts"]


class StaleHead(Rule):
    """The head is so many blocks behind."""

    kind: Literal["stale_head"]
    blocks: int = Field(ge=1)


class FrozenHead(Rule):
    """The head is what it was when the rule was first on, until it is off."""

    kind: Literal["frozen_head"]


class LyingHead(Rule):
    """A head so many blocks ahead that nobody has; `sealed`: its hash holds, its parent is nobody's too."""

    kind: Literal["lying_head"]
    blocks: int = Field(5, ge=1)
    sealed: bool = False


class TwoBranches(Rule):
    """Heights within so many blocks of the head are answered with blocks of another branch, tags are not."""

    kind: Literal["two_branches"]
    depth: int = Field(4, ge=1)


class WrongReceipts(Rule):
    """Receipts tell of each transaction that it did what it did not."""

    kind: Literal["wrong_receipts"]


class MissingLogs(Rule):
    """The receipts lack the logs of one of them."""

    kind: Literal["missing_logs"]


class CutTransactions(Rule):
    """Blocks lack their last transactions, this share of them; `receipts`: the block's receipts too."""

    kind: Literal["cut_transactions"]
    share: float = Field(0.5, gt=0, le=1)
    receipts: bool = False


class WrongChain(Rule):
    """The node says that it is on another chain."""

    kind: Literal["wrong_chain"]
    chain_id: int = Field(5, ge=1)


class Pruned(Rule):
    """Blocks more than `keeps` below the head are pruned."""

    kind: Literal["pruned"]
    keeps: int = Field(ge=0)


class Syncing(Rule):
    """The node says that it is syncing, and lacks so many blocks."""

    kind: Literal["syncing"]
    behind: int = Field(1000, ge=1)


class TagError(Rule):
    """Tags are answered with an error, or with null."""

    kind: Literal["tag_error"]
    tags: tuple[Literal["safe", "finalized"], ...] = ("safe", "finalized")
    null: bool = False
    code: int = -32000
    message: str = "finalized block not found"


AnyRule = Annotated[
    Latency
    | Throttled
    | Error
    | Http
    | Cut
    | Oversized
    | Silence
    | Disconnect
    | Null
    | EmptyReceipts
    | StaleHead
    | FrozenHead
    | LyingHead
    | TwoBranches
    | WrongReceipts
    | MissingLogs
    | CutTransactions
    | WrongChain
    | Pruned
    | TagError
    | Syncing
    | HalfWritten
    | HalfOpen
    | Garbage
    | RateLimit
    | SilentSubscription
    | SealedFork
    | MovedFinalized
    | FinalizedBack
    | MixedBatch,
    Field(discriminator="kind"),
]


class Plan(BaseModel):
    """A file's content."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = 0
    faults: tuple[AnyRule, ...]


def load(path: Path) -> Plan:
    """The plan of a file. Raises Fatal that names each key at fault."""
    remedy = "docs/recorded-node.md has every kind with its keys"
    try:
        return Plan.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise Fatal(f"{path} cannot be read: {error}", remedy=remedy) from error
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, each['loc'])) or 'file'}: {each['msg']}" for each in error.errors()]
        raise Fatal(f"{path}: {'; '.join(lines)}", remedy=remedy) from error
