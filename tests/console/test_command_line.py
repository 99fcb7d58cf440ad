"""The command line against the stand-ins, with no worker and no listener running: what a person types and reads."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from worker.store.embedded import EmbeddedServer
from worker.store.secrets import ensure_secret_key

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


@pytest.fixture(scope="module")
def stand_ins() -> Iterator[dict[str, str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "console", "sandbox", "--seed"], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    )
    assert process.stdout is not None
    environment = {}
    for line in process.stdout:
        if line.strip() == "ready":
            break
        name, _, value = line.strip().partition("=")
        environment[name] = value
    yield environment
    process.terminate()
    assert process.wait(10) == 0
    process.stdout.close()


@pytest.fixture(scope="module")
def installation(stand_ins: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("cli")
    data = folder / "data"
    data.mkdir()
    ensure_secret_key(data)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SALESFORCE_", "XERO_", "HOUR"))}
    environment = kept | stand_ins | {"HOURSTREAM_DATA": str(data), "PYTHONPATH": str(REPOSITORY), "COLUMNS": "160"}
    server = EmbeddedServer(data)
    asyncio.run(server.start())
    yield Installation(environment, folder)
    asyncio.run(server.stop())


def test_a_newcomer_sets_up_looks_at_the_preview_and_goes_live(installation: Installation) -> None:
    run, ask = installation.hourstream, installation.json
    empty = run("setup", "show", expect=1)
    assert "hourstream setup apply" in empty.stderr
    assert "There is no setup yet" in run("sync", expect=2).stderr

    assert "fits the org and the company" in run("setup", "check", str(SETUP)).stdout
    preview = installation.folder / "preview.toml"
    preview.write_text(SETUP.read_text("utf-8").replace('invoices = "live"', 'invoices = "preview"'), "utf-8")
    assert ask("setup", "apply", str(preview)) == {"version": 1}
    assert run("setup", "export").stdout == preview.read_text("utf-8")

    would = ask("invoices", "preview")
    assert {view["status"] for view in would} == {"preview"}
    assert len(would) == 6
    assert ask("invoices", "list") == []

    assert ask("setup", "apply", str(SETUP)) == {"version": 2}
    done = ask("sync")
    assert done["contacts"] == 8
    assert done["invoices"] == 6
    assert 0 < done["xero_calls"] < 30
    again = ask("sync")
    assert again["invoices"] == 0

    invoices = ask("invoices", "list")
    assert sorted(view["number"] for view in invoices) == [f"TT-{n:05d}" for n in range(1, 7)]
    fields = {"key", "sequence", "number", "status", "xero_id", "xero_contact_id", "xero_contact", "period", "currency",
              "hours", "amount", "lines", "entries"}  # fmt: skip
    assert fields <= invoices[0].keys()
    assert {view["status"] for view in invoices} == {"open"}
    one = ask("invoices", "show", invoices[0]["number"])
    assert one["xero_id"] == invoices[0]["xero_id"]
    assert {"id", "description", "quantity", "unit_amount", "amount", "tax_type", "account", "entries"} <= one["lines"][
        0
    ].keys()
    assert sum(len(line["entries"]) for line in one["lines"]) == len(one["entries"])

    entry = one["entries"][0]
    assert len(entry) == 18
    why = ask("why", entry)
    assert why["id"] == entry
    assert why["state"] == "billed"
    assert why["invoice"] == one["number"]
    assert one["number"] in run("why", f"TimeEntry__c:{entry[:15]}").stdout
    person = ask("why", "005000000000001")
    assert person["state"] == "billed"
    assert "TT-" in person["text"]
    assert "is open" in run("why", one["number"]).stdout


def test_lists_and_errors_read_as_a_person_expects(installation: Installation) -> None:
    run, ask = installation.hourstream, installation.json
    contacts = ask("contacts", "list")
    assert {"id", "name", "status"} <= contacts[0].keys()
    assert "Northgate Dental Group" in run("contacts", "list").stdout
    assert ask("contacts", "pull")["failed"] == 0
    status = ask("queue", "status")
    assert status["stages"].keys() == {"collect", "invoices", "write_back"}
    assert {"due", "leased", "retrying", "waiting", "oldest_seconds"} <= status["stages"]["collect"].keys()
    assert status["workers"] == []
    assert status["listener"] is None
    assert "Listener: none lives" in run("queue", "status").stdout
    assert "invoices list" in run("invoices", "show", "TT-99999", expect=1).stderr
    assert "Nothing is known of" in run("why", "nothing", expect=1).stderr
    broken = installation.folder / "broken.toml"
    broken.write_text(SETUP.read_text("utf-8").replace("[source]", "[sauce]"), "utf-8")
    refused = run("setup", "check", str(broken), expect=2)
    assert "broken.toml:1:" in refused.stderr
    assert "sauce" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_service_that_cannot_be_reached_is_said_in_one_line(installation: Installation) -> None:
    away = Installation(
        installation.environment | {"SALESFORCE_LOGIN_URL": "http://127.0.0.1:9", "HOURSTREAM_TIME_SCALE": "20"},
        installation.folder,
    )
    done = away.hourstream("contacts", "pull", "--full", expect=1)
    assert "Traceback" not in done.stderr
    wrong = Installation(installation.environment | {"XERO_API_URL": "http://example.test"}, installation.folder)
    assert "XERO_API_URL" in wrong.hourstream("sync", expect=2).stderr
