"""`python -m worker`: one arq worker."""

import asyncio
import sys

from worker.errors import HourstreamError
from worker.logs import configure_logging
from worker.main import run_worker
from worker.settings import load_settings


def main() -> int:
    """Run until told to stop. Exit codes: 0 stopped, 1 it failed, 2 wrong configuration."""
    from worker.errors import ConfigurationError

    try:
        settings = load_settings()
        configure_logging(settings)
        while asyncio.run(run_worker(settings)):  # again with other credentials
            configure_logging(settings)
    except HourstreamError as error:
        sys.stderr.write(f"{error}\n")
        return 2 if isinstance(error, ConfigurationError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
