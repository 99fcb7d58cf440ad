"""The setup file: what a person decides about time, billing, people and contacts.

`parse` turns its text into a `Setup` or raises `SetupError` with every problem in it.
"""

from worker.setup.model import Setup
from worker.setup.parse import parse, usable
from worker.setup.problems import Problem, SetupError
from worker.setup.schedule import Schedule

__all__ = ["Problem", "Schedule", "Setup", "SetupError", "parse", "usable"]
