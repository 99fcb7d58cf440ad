"""What a change of setup would do to the drafts, in one sentence."""

from console import words
from worker.billing.brake import Effect


def does_anything(found: Effect) -> bool:
    """Whether a draft would change."""
    return bool(found.new_invoices or found.removed_entries or found.changed_value or found.corrections)


def sentence(found: Effect) -> str:
    """An effect in one sentence."""
    said = []
    if found.new_invoices:
        said.append(words.count(found.new_invoices, "new draft", "new drafts"))
    if found.removed_entries:
        said.append(words.count(found.removed_entries, "entry taken off a draft", "entries taken off drafts"))
    if found.changed_value:
        was, after = f"{found.open_total} {found.currency}", f"{found.total_after} {found.currency}"
        said.append(f"{found.changed_value} {found.currency} taken off or priced anew ({was} before, {after} after)")
    if found.corrections:
        said.append(words.count(found.corrections, "correction billed", "corrections billed"))
    return f"With this setup: {'; '.join(said)}." if said else "With this setup no draft changes."
