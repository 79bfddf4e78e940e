"""The order in which endpoints are asked: the one that answered last first, those that do badly last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Sequence
from typing import Final

from connectors.evm.pool.pace import Pace
from connectors.evm.pool.standing import Reason, Standing, demoted
from connectors.evm.rpc.endpoint import Endpoint
from headwater.logging import get_logger
from headwater.metrics import listener as metrics

JUDGED_SECONDS: Final = 1.0
PASSED_SECONDS: Final = 60.0
"""How long an endpoint is asked after the others whose head led nowhere."""
WINS: Final = 3
"""Times in a row that another endpoint was faster before it becomes the first choice."""

_log = get_logger("headwater.listen.nodes")


class Order:
    """`endpoints` are those of the chain, the first choice first; `clock` gives seconds.

    One of a process is `shown`, by a gauge: of two, each would overwrite what the other one says.
    """

    def __init__(
        self, endpoints: Sequence[Endpoint], clock: Callable[[], float], *, shown: bool = True
    ) -> None:
        self._shown = shown
        self.endpoints = list(endpoints)
        self.standings = {endpoint.name: Standing(clock) for endpoint in endpoints}
        self.paces = {endpoint.name: Pace(clock) for endpoint in endpoints}
        self._clock = clock
        self._demoted: dict[str, Reason] = {}
        self._judged = clock()
        self._wins: Counter[str] = Counter()
        self._passed: dict[str, float] = {}

    def now(self) -> list[Endpoint]:
        """The first choice first, those that do badly or want to be left alone last."""
        now = self._clock()
        if len(self.endpoints) > 1 and now - self._judged >= JUDGED_SECONDS:
            self._judged = now
            self._judge()
        return sorted(self.endpoints, key=self.spares)

    def spares(self, endpoint: Endpoint) -> bool:
        """Whether others are asked before it."""
        return endpoint.name in self._demoted or self.paces[endpoint.name].rests

    def unless_resting(self, enough: int, cordoned: Container[str] = ()) -> list[Endpoint]:
        """Those that do not want to be left alone, where they are enough; else all.

        Of those that are `cordoned` an answer is not to be counted on.
        """
        awake = [each for each in self.endpoints if not self.paces[each.name].rests]
        usable = sum(each.name not in cordoned for each in awake)
        return awake if usable >= enough else list(self.endpoints)

    def pass_over(self, name: str) -> bool:
        """Ask others before this one for a minute; False where there is nobody else, or it is so already."""
        others = {each.name for each in self.endpoints if each.name != name}
        if len(others) == len(self.endpoints) or others <= self._demoted.keys() or name in self._demoted:
            return False
        self._passed[name] = self._clock() + PASSED_SECONDS
        self._judge()
        return True

    def answered(self, endpoint: Endpoint) -> None:
        """It answered when nobody else was asked beside it."""
        self._wins.clear()
        self.prefer(endpoint)

    def was_faster(self, endpoint: Endpoint) -> None:
        """It was asked beside the first choice, later, and answered first."""
        self._wins[endpoint.name] += 1
        if self._wins[endpoint.name] >= WINS:
            self.answered(endpoint)

    def prefer(self, endpoint: Endpoint) -> None:
        """Make it the first choice."""
        if self.endpoints[0] is not endpoint:
            self.endpoints.remove(endpoint)
            self.endpoints.insert(0, endpoint)
            _log.info("node preferred from now on", endpoint=endpoint.name)

    def _judge(self) -> None:
        before, self._demoted = self._demoted, demoted(self.standings)
        now = self._clock()
        self._passed = {name: until for name, until in self._passed.items() if until > now}
        if len(self._passed.keys() | self._demoted.keys()) < len(self.endpoints):
            self._demoted = dict.fromkeys(self._passed, Reason.NOWHERE) | self._demoted
        for endpoint in self.endpoints:
            old, new = before.get(endpoint.name), self._demoted.get(endpoint.name)
            if old is new:
                continue
            for reason in Reason if self._shown else ():
                gauge = metrics.NODE_DEMOTED.labels(endpoint.chain, endpoint.name, reason.value)
                gauge.set(reason is new)
            if new is None:
                _log.info("node does well again", endpoint=endpoint.name)
            else:
                _log.warning("other nodes are asked first", endpoint=endpoint.name, reason=new.value)
