"""What a file of faults may say: a seed, and rules in the order in which they are tried."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from headwater.errors import Fatal
from sandbox.node.plan.errors import ERRORS

BLOCKS: Final = ("eth_getBlockByNumber", "eth_getBlockByHash")
HEADS: Final = ("eth_blockNumber", "eth_getBlockByNumber")
RECEIPTS: Final = ("eth_getBlockReceipts",)


class Rule(BaseModel):
    """When a fault happens: to calls of `methods` (none: those that the kind is about), of which share, when.

    `start` and `end` are seconds since the node began to serve; `every` and `lasts` repeat: the first `lasts`
    seconds of each `every`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    methods: tuple[str, ...] = ()
    probability: float = Field(1.0, ge=0, le=1)
    start: float = Field(0.0, ge=0)
    end: float | None = Field(None, gt=0)
    every: float | None = Field(None, gt=0)
    lasts: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _repeats_wholly(self) -> Rule:
        if (self.every is None) != (self.lasts is None):
            raise ValueError("`every` and `lasts` go together")
        return self

    def is_on(self, seconds: float) -> bool:
        """Whether it may happen so long after the start."""
        if seconds < self.start or (self.end is not None and seconds >= self.end):
            return False
        if self.every is None or self.lasts is None:
            return True
        return (seconds - self.start) % self.every < self.lasts


class Latency(Rule):
    """Answers take a time drawn from a log-normal distribution with this median and 95th percentile."""

    kind: Literal["latency"]
    p50: float = Field(gt=0)
    p95: float = Field(gt=0)


class Throttled(Rule):
    """HTTP 429."""

    kind: Literal["throttled"]
    retry_after: float = Field(1.0, ge=0)


class Error(Rule):
    """A JSON-RPC error: one of real providers by `name`, or any."""

    kind: Literal["error"]
    name: str | None = None
    code: int = -32000
    message: str = "internal error"

    @model_validator(mode="after")
    def _is_known(self) -> Error:
        if self.name is not None and self.name not in ERRORS:
            raise ValueError(f"no such error: {self.name}; there are {', '.join(ERRORS)}")
        return self


class Http(Rule):
    """An HTTP status with any body."""

    kind: Literal["http"]
    status: int = Field(502, ge=200, le=599)
    body: str = "<html><body><h1>502 Bad Gateway</h1></body></html>"


class Cut(Rule):
    """The answer ends after this share of its bytes."""

    kind: Literal["cut"]
    share: float = Field(0.5, ge=0, lt=1)


class Oversized(Rule):
    """The answer is followed by so many bytes of white space."""

    kind: Literal["oversized"]
    bytes: int = Field(gt=0)


class Silence(Rule):
    """The answer comes after so many seconds, which is never for most."""

    kind: Literal["silence"]
    seconds: float = Field(3600.0, gt=0)


class Disconnect(Rule):
    """The connection is closed without an answer."""

    kind: Literal["disconnect"]


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
    """A head so many blocks ahead that nobody has."""

    kind: Literal["lying_head"]
    blocks: int = Field(5, ge=1)


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
    """Blocks lack their last transactions, this share of them."""

    kind: Literal["cut_transactions"]
    share: float = Field(0.5, gt=0, le=1)


class WrongChain(Rule):
    """The node says that it is on another chain."""

    kind: Literal["wrong_chain"]
    chain_id: int = Field(5, ge=1)


class Pruned(Rule):
    """Blocks more than `keeps` below the head are pruned."""

    kind: Literal["pruned"]
    keeps: int = Field(ge=0)


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
    | TagError,
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
