"""The newest tag's worker beside this one's, as while a deployment rolls."""

import functools
import io
import os
import subprocess
import tarfile
import tempfile
from pathlib import Path

from tests.faults.registry import Scene, fault

BESIDE = "Two versions side by side"
REF = "HOURSTREAM_FAULTS_BESIDE"  # another commit than the newest tag
ROOT = Path(__file__).parents[3]
CODE = ("worker", "eventbus", "pyproject.toml")


class NoTagError(Exception):
    """There is no version to run beside this one."""


@functools.cache
def older_code() -> Path:
    """A folder with the code of the newest tag, or of the commit that the environment names.

    Raises `NoTagError` where there is none.
    """
    ref = os.environ.get(REF) or _git("describe", "--tags", "--abbrev=0").decode().strip()
    packed = _git("archive", ref, *CODE) if ref else b""
    if not packed:
        raise NoTagError(f"no tag to run beside this version; set {REF} to a commit of this clone")
    folder = Path(tempfile.mkdtemp(prefix="hourstream-older-"))
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def _git(*arguments: str) -> bytes:
    """What git says; empty where it refuses, or where this is no clone."""
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False, timeout=60)
    except FileNotFoundError:
        return b""
    return done.stdout if done.returncode == 0 else b""


@fault("the newest tag's worker beside this one", BESIDE, turn="workers")
async def beside(scene: Scene) -> bool:
    try:
        code = older_code()
    except NoTagError as none:
        scene.people.told.append(f"  skipped: {none}")
        return False
    await scene.office.start("worker-old", "worker", code)
    for _ in range(4):
        await scene.people.provoke(scene.chance)
        await scene.moment(0.3, 0.8)
    await scene.office.leave("worker-old")
    return True
