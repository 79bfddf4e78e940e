"""A piece of work that runs whole on one endpoint, and what went wrong with it in a round over several."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from connectors.evm.pool.cordon import SILENT
from connectors.evm.rpc.answers import NodeFailure, Unsupported
from connectors.evm.rpc.endpoint import Endpoint

T = TypeVar("T")
Work = Callable[[Endpoint], Awaitable[T]]
"""May raise NodeFailure, after which another endpoint is asked, and Unsupported."""
Won = tuple[Endpoint, T]
"""Who gave a result, and the result."""

_NO_HELP: Final = SILENT | {"rejected", "pruned", "wrong chain"}


class Failures:
    """What went wrong in one round over the endpoints, the `attempt`th.

    `unanswered` are the names of those that are being asked.
    """

    def __init__(self, attempt: int) -> None:
        self.attempt = attempt
        self.failures: list[NodeFailure] = []
        self.unsupported: Unsupported | None = None
        self.unanswered: set[str] = set()

    @property
    def no_help(self) -> bool:
        """Whether nobody gave anything that could be used; one that lags has only to be waited for."""
        return self.unsupported is None and all(
            each.contradiction or each.outcome in _NO_HELP for each in self.failures
        )

    @property
    def retry_after(self) -> float:
        """Seconds after which the first of them wants to be asked again."""
        return min((each.retry_after for each in self.failures), default=0.0)

    def last(self, before: Sequence[NodeFailure] | None, endpoints: int) -> NodeFailure:
        """The last one, marked where all `endpoints` failed alike, and did in the round `before`, if any.

        One bad answer of an only endpoint may be chance; what a chain makes otherwise is so each time.
        """
        last = self.failures[-1]
        rounds = [self.failures] if before is None else [self.failures, before]
        alike = [sum(each.evidence == last.evidence for each in found) for found in rounds]
        last.everywhere = last.evidence is not None and min(alike) == endpoints
        return last

    def __str__(self) -> str:
        return "; ".join(map(str, self.failures))
