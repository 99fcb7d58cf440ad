"""What the repository promises about itself: containers, locks, documents."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]


def tracked() -> list[Path]:
    """The files of the repository."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.splitlines()]


def documents() -> list[Path]:
    """What people read."""
    return [path for path in tracked() if path.suffix == ".md"]


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
    return found


def test_the_lock_pins_every_package_with_a_hash_and_names_no_index() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text("utf-8")
        pins = re.findall(r"^([a-z0-9._-]+)(?:\[[a-z,]+\])?==", text, re.MULTILINE)
        entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
        assert len(pins) == len(entries) > 50
        assert all("--hash=sha256:" in entry for entry in entries)
        assert "://" not in re.sub(r"#.*", "", text)


def test_links_between_documents_lead_somewhere() -> None:
    for path in documents():
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text("utf-8")):
            assert (path.parent / target).exists(), f"{path.name} names {target}"


def test_every_test_that_a_document_names_is_there() -> None:
    sources = [
        path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py") if "node_modules" not in path.parts
    ]
    there = {name for text in sources for name in re.findall(r"^\s*(?:async )?def (test_\w+)\(", text, re.MULTILINE)}
    text = "".join(path.read_text("utf-8") for path in documents())
    named = set(re.findall(r"`(test_\w+)`", text))
    assert len(named) > 20
    assert named - there == set()


def test_the_containers_that_try_it_out_share_one_loopback(services: dict[str, dict[str, Any]]) -> None:
    tried = {name: service for name, service in services.items() if "sandbox" in service.get("profiles", [])}
    inside = {"sandbox-redis", "sandbox-listener", "sandbox-worker", "sandbox-console"}
    assert inside <= tried.keys()
    assert all(tried[name]["network_mode"] == "service:sandbox" for name in inside)


def test_every_command_of_the_containers_is_one_of_ours(services: dict[str, dict[str, Any]]) -> None:
    commands = {tuple(service["command"]) for service in services.values() if service.get("image") == "hourstream"}
    assert {command[0] for command in commands} == {"secrets", "listen", "work", "console", "sandbox"}
