"""What can be done to a part, and undone. Each is data: which part, and how much of it.

`blow` says what all of them are, `processes` stop and end, `chain` is about nodes, `places` about disk and
receiver.
"""

from tests.faults.blows.blow import Blow, Together
from tests.faults.blows.chain import CutOff, Halted, Spoiled
from tests.faults.blows.places import Answering, Filled
from tests.faults.blows.processes import Deployed, Killed, Paused, Restarted

__all__ = [
    "Answering",
    "Blow",
    "CutOff",
    "Deployed",
    "Filled",
    "Halted",
    "Killed",
    "Paused",
    "Restarted",
    "Spoiled",
    "Together",
]
