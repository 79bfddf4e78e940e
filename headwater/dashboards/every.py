"""All dashboards: the only list of them."""

from __future__ import annotations

from typing import Final

from headwater.dashboards.chain import CHAIN
from headwater.dashboards.delivery import DELIVERY
from headwater.dashboards.model import Dashboard
from headwater.dashboards.overview import OVERVIEW
from headwater.dashboards.sink import SINK
from headwater.dashboards.stages import STAGES

DASHBOARDS: Final[tuple[Dashboard, ...]] = (OVERVIEW, CHAIN, STAGES, SINK, DELIVERY)
