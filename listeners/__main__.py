"""`python -m listeners`: tells which time entries changed in Salesforce, until SIGTERM."""

import asyncio
import sys

from listeners.wiring import serve
from worker.errors import ConfigurationError, HourstreamError
from worker.logs import configure_logging
from worker.settings import load_settings


def main() -> int:
    """The exit code: 0 stopped, 1 it failed, 2 wrong configuration; the reason goes to stderr."""
    try:
        settings = load_settings()
        configure_logging(settings)
        asyncio.run(serve(settings))
    except HourstreamError as error:
        print(error, file=sys.stderr)  # noqa: T201 - before and after there is logging, people look here
        return 2 if isinstance(error, ConfigurationError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
