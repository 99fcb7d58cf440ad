"""Which of the product's rules the model follows. A plant is one rule left out: the search must find what it costs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rules:
    """True: as the product does it."""

    slots: bool = True  # an invoice has one unresolved intent; without: leases alone keep two workers apart
    generations: bool = True  # only the generation that was worked on leaves the list
    compared: bool = True  # an unknown outcome is adopted only where Xero's content is the intent's
    looked_up: bool = True  # once Xero has forgotten the key, a send is looked up, never repeated
    drafts_only: bool = True  # an update states DRAFT, so Xero refuses it on an approved document
    at: bool = True  # a unit enters a document only after the commit that took it off another
    fresh: bool = True  # a draft is read just before it is changed
    versions: bool = True  # bytes computed from a record that has moved since do not begin
    remembered: bool = True  # the body of a dropped update may still arrive, and is known as ours then
    timely: bool = True  # bytes that did not leave soon after `begin` are dropped
    drops_alone: bool = True  # an intent that others have sent since is not dropped by who did not
    taken_in: bool = True  # where what was read could not be recorded, nothing is sent on it
    read_anew: bool = True  # an edit that met an unresolved write is taken in from a read of its own
    read_before_repeat: bool = True  # an update is repeated only where Xero shows what our last answer showed


REAL = Rules()
