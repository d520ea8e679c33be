"""The life of one scenario: setup, steps, gates; catch where something went wrong; finally and clean-up always.

`life.py` is the order in which things happen, `stepping.py` one step of it, `scope.py` the names that expressions
may use, `recorder.py` what is written down, `outcome.py` what becomes of it all, `ending.py` that the end comes.
"""

from pynomaly_itest.lifecycle.ending import to_its_end
from pynomaly_itest.lifecycle.life import ScenarioRun
from pynomaly_itest.lifecycle.services import Services

__all__ = ["ScenarioRun", "Services", "to_its_end"]
