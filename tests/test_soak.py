"""A few seconds of what `make soak` does for longer: changes while the stream fails, then the truth."""

import os
import subprocess
import sys
from pathlib import Path

SECONDS = float(os.environ.get("SOAK_SECONDS", "4"))


def test_nothing_is_missed_or_billed_twice_while_the_stream_fails() -> None:
    words = f"--minutes {SECONDS / 60:.3f} --seed 3 --doors pubsub --scale 20"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.soak", *words.split()],
        cwd=Path(__file__).parents[1],
        env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        capture_output=True,
        text=True,
        timeout=SECONDS + 120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing missed, nothing billed twice, a second look writes nothing" in done.stdout
