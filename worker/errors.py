"""The errors every room of the worker shares: each says what failed and what to do about it."""

from __future__ import annotations


class HourstreamError(Exception):
    """Something did not work.

    `what` says which thing failed and for which record, `remedy` what a person can do
    about it (empty when there is nothing to do). Both are one line of plain text and
    never hold a secret.
    """

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what, remedy)
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.what} {self.remedy}".rstrip()


class ConfigurationError(HourstreamError):
    """A setting or the setup file is missing or wrong; commands end with exit code 2."""


class ServiceError(HourstreamError):
    """Salesforce, Xero or Redis did not do what was asked; commands end with exit code 1."""


class ConnectionPaused(ServiceError):  # noqa: N818 - it is a state people are told about, not a failure
    """A connection is paused until a person acts, for example by signing in again."""
