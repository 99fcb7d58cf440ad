"""Xero's rules for those who call it, as the stand-in counted them over a whole history."""

from sandbox.serve import Running

AT_ONCE = 5
A_MINUTE = 60


def broken_rules(stand: Running, *, unlimited: bool = False, late: bool = False) -> list[str]:
    """Each rule that was broken, as a sentence. `unlimited`: this history lifted the limit of the minute.

    `late`: calls were held up on their way; one that left before Xero said to stay away may have arrived after that.
    """
    counts = stand.xero.requests.counts
    early = 0 if late else counts.calls_before_retry_after
    found = {
        f"{counts.max_in_flight} calls were in flight at once": counts.max_in_flight > AT_ONCE,
        f"{counts.max_calls_rolling_minute} calls came within a minute": (
            counts.max_calls_rolling_minute > A_MINUTE and not unlimited
        ),
        f"{counts.writes_without_idempotency_key} writes had no key": counts.writes_without_idempotency_key > 0,
        f"{counts.keys_reused_with_another_body} keys had two bodies": counts.keys_reused_with_another_body > 0,
        f"{early} calls came too early": early > 0,
    }
    return [sentence for sentence, broken in found.items() if broken]
