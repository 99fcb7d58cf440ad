"""A deployment as a person at the command line has it."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
SETUP = REPOSITORY / "docs" / "setup-example.toml"


@dataclass(frozen=True)
class Installation:
    """A data folder, an embedded server and the stand-ins, as one deployment has them."""

    environment: dict[str, str]
    folder: Path

    def hourstream(self, *arguments: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a command; its exit code must be the expected one."""
        done = subprocess.run(
            [sys.executable, "-m", "console", *arguments],
            env=self.environment, cwd=self.folder, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == expect, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *arguments: str, expect: int = 0) -> Any:
        """The JSON a command prints."""
        return json.loads(self.hourstream(*arguments, "--json", expect=expect).stdout)
