"""Everything that can go wrong, by name."""

from collections.abc import Mapping

from tests.faults.injectors import clocks, people, points, processes, salesforce, store, stream, versions, xero
from tests.faults.registry import FAULTS, Injector

MODULES = (clocks, people, points, processes, salesforce, store, stream, versions, xero)  # each fills the registry


def every_fault() -> Mapping[str, Injector]:
    """The whole registry."""
    return FAULTS
