"""Where the checkout is, and where the real-chain data is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
DATA: Final = Path(os.environ.get("HEADWATER_TEST_DATA", ROOT.parent / "shared" / "data"))
