"""How long a failed item waits before it is tried again."""

import random

from worker.limits import Limits


def delay(attempts: int, limits: Limits) -> float:
    """Seconds before the next try: exponential with full jitter, never under a tenth of the step it jitters in."""
    ceiling: float = min(limits.backoff_cap, limits.backoff_base * 2 ** min(attempts, 20))
    return ceiling * random.uniform(0.1, 1.0)  # noqa: S311 - spreads retries, guards nothing
