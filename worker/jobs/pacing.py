"""Pacing: how the calls that are left of Xero's day are made to last. Pure."""

from worker.store.governor import GovernorState

LOW = 0.25  # part of the tier's calls a day under which they are spared
CALLS = 2  # that an update of drafts costs: one read, one write; of up to 50 documents at once
LONGEST = 10  # times the setup's `settle_max`: drafts are never later than this to spare calls


def pause(state: GovernorState, reserve: int, settle_max: float) -> float:
    """Seconds to let changes gather before the next update of drafts; 0 while calls are plenty, or nothing is known.

    Spread evenly, what is left above `reserve` would last until Xero's day ends. The less there is left of a quarter of
    the day's calls, the more of that spacing counts, so it sets in gently; it never passes ten times `settle_max`
    (seconds).
    """
    left, limit = state.day_left, state.day_limit
    if left is None or limit is None:
        return 0.0
    shortage = 1 - left / (limit * LOW)
    if shortage <= 0:
        return 0.0
    longest = LONGEST * settle_max
    updates = (left - reserve) / CALLS
    return longest if updates <= 0 else min(longest, shortage * state.day_ends_in / updates)
