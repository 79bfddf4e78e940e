"""What can be done to a part, and undone. Each is data: which part, and how much of it.

`blow` says what all of them are, `processes` stop, end and fight, `chain` is about nodes, `places` about
disk, receiver and rules.
"""

from tests.faults.blows.blow import Blow, Together
from tests.faults.blows.chain import CutOff, Halted, Spoiled
from tests.faults.blows.places import Answering, Applied, Filled
from tests.faults.blows.processes import Beside, Deployed, Killed, Paused, Restarted

__all__ = [
    "Answering",
    "Applied",
    "Beside",
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
