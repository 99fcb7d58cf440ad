"""The command line against the stand-ins, with no worker and no listener running: what a person types and reads."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from console.output import said
from console.up import alone
from tests.console.cli_support import REPOSITORY, SETUP, Installation
from worker.errors import ServiceError
from worker.setup import parse
from worker.setup.presets import PRESETS
from worker.store.connection import open_redis
from worker.store.embedded import EmbeddedServer
from worker.store.keys import Keys
from worker.store.pair import Pair
from worker.store.secrets import ensure_secret_key
from worker.xero.errors import Limited


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
    assert all(line["sources"].keys() >= {"account", "tax_type", "currency"} for line in one["lines"])
    assert f"({one['lines'][0]['sources']['account']})" in run("invoices", "show", one["number"]).stdout

    entry = one["entries"][0]
    assert len(entry) == 18
    why = ask("why", entry)
    assert why["id"] == entry
    assert why["state"] == "billed"
    assert "Found: " in why["text"]
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
    by_area = {each["area"] for each in ask("doctor", expect=1) if each["state"] == "problem"}
    assert by_area <= {"Hourstream", "Salesforce", "Setup"}, "no worker, no listener, perhaps no setup yet"
    assert {"id", "name", "bill", "rate"} <= ask("people", "list")[0].keys()
    assert "cannot be read" in run("people", "import", "nothing.csv", expect=1).stderr
    assert "Newest lines" in run("top").stdout or "Nothing is on an invoice yet" in run("top").stdout
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


def test_presets_are_listed_and_each_is_a_usable_file(installation: Installation) -> None:
    run = installation.hourstream
    listed = run("setup", "presets").stdout
    for preset in PRESETS:
        assert preset.name in listed
        file = run("setup", "presets", preset.name).stdout
        assert file.startswith(f"# {preset.title}\n")
        assert parse(file).schedule.invoices.kind == "preview"
    assert "There are: time-entry" in run("setup", "presets", "nope", expect=2).stderr


def test_a_check_signs_in_anew_so_that_a_wrong_secret_is_found(installation: Installation) -> None:
    installation.hourstream("setup", "check", str(SETUP))
    installation.hourstream("contacts", "pull")  # now sessions of both services are stored
    for name in ("SALESFORCE_CLIENT_SECRET", "XERO_CLIENT_SECRET"):
        wrong = Installation(installation.environment | {name: "wrong"}, installation.folder)
        assert "invalid_client" in wrong.hourstream("setup", "check", str(SETUP), expect=1).stderr


def test_what_is_on_no_invoice_is_counted_by_reason(installation: Installation) -> None:
    run, ask = installation.hourstream, installation.json
    waits = "entries wait: "
    for command in (("sync",), ("invoices", "preview"), ("queue", "status")):
        said = run(*command).stdout
        assert waits in said, said
        assert "not approved" in said
    assert "Nothing would be written" in run("invoices", "preview").stdout
    assert "not billable" in run("sync").stdout
    waiting = ask("queue", "list")
    assert sum(ask("queue", "status")["waiting"].values()) == len(waiting)
    assert {"id", "reason", "since", "cause"} <= waiting[0].keys()
    assert waiting[0]["id"] in run("queue", "list", "collect").stdout
    assert "Nothing waits" in run("queue", "list", "corrections").stdout


def test_a_setup_in_preview_is_said_to_be_one(installation: Installation) -> None:
    preview = installation.folder / "again.toml"
    preview.write_text(SETUP.read_text("utf-8").replace('invoices = "live"', 'invoices = "preview"'), "utf-8")
    run = installation.hourstream
    assert "In preview: nothing is written to Xero." in run("setup", "apply", str(preview)).stdout
    assert "In preview" not in run("setup", "apply", str(SETUP)).stdout
    assert "schedule.invoices: preview → live" in " ".join(run("setup", "history").stdout.split())
    _, before, *_ = installation.json("setup", "history")
    assert "In preview" in run("setup", "undo", "--yes", str(before["number"])).stdout
    assert run("setup", "export").stdout == preview.read_text("utf-8")
    assert "There is no setup of version 99." in run("setup", "undo", "99", expect=2).stderr


def test_before_a_setup_the_preview_says_what_to_do(installation: Installation, tmp_path: Path) -> None:
    with _server_of(tmp_path) as environment:
        fresh = Installation(installation.environment | environment, tmp_path)
        assert "There is no setup yet. Apply one" in fresh.hourstream("invoices", "preview", expect=2).stderr


def test_another_org_than_the_pinned_is_said_in_the_queues_status(installation: Installation, tmp_path: Path) -> None:
    with _server_of(tmp_path) as environment:
        other = Installation(installation.environment | environment, tmp_path)
        other.hourstream("setup", "apply", str(SETUP))
        asyncio.run(_pin(environment, "00D000000000099EAA"))
        other.hourstream("sync", expect=1)
        said = other.hourstream("queue", "status").stdout
        assert "serves the Salesforce org 00D000000000099EAA" in said
        assert "Paused (collect, invoices, write_back)" in said


def test_a_stage_is_paused_and_resumed_by_people(installation: Installation, tmp_path: Path) -> None:
    with _server_of(tmp_path) as environment:
        mine = Installation(installation.environment | environment, tmp_path)
        mine.hourstream("queue", "pause", "invoices", "--why", "month end")
        assert "Paused (invoices) by command line: month end." in mine.hourstream("queue", "status").stdout
        mine.hourstream("queue", "resume")
        assert "Paused" not in mine.hourstream("queue", "status").stdout
        assert "is none of" in mine.hourstream("queue", "pause", "invoice", expect=2).stderr


def test_a_second_up_on_the_same_data_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    holder = (
        "import sys, pathlib\nfrom console.up import alone\n"
        "with alone(pathlib.Path(sys.argv[1])):\n    print(1, flush=True)\n    sys.stdin.read()\n"
    )
    first = subprocess.Popen(
        [sys.executable, "-c", holder, str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY,
    )  # fmt: skip
    assert first.stdout is not None
    assert first.stdout.readline() == "1\n"
    with pytest.raises(ServiceError, match=f"already runs on .*, pid {first.pid}"), alone(tmp_path):
        raise AssertionError("two at once")
    first.kill()
    first.communicate()
    with alone(tmp_path):
        assert (tmp_path / "up.lock").read_text() == f"{os.getpid()}\n"
    with alone(tmp_path):
        assert (tmp_path / "up.lock").exists()


def test_somebody_at_a_terminal_is_told_when_to_run_it_again() -> None:
    assert said(Limited(11.2, "the minute's calls are used up")).endswith("Run it again in 12 s.")


def test_commands_print_no_log_lines_of_retries(installation: Installation) -> None:
    away = Installation(
        installation.environment | {"SALESFORCE_LOGIN_URL": "http://127.0.0.1:9", "HOURSTREAM_TIME_SCALE": "20"},
        installation.folder,
    )
    errors = away.hourstream("setup", "check", str(SETUP), expect=1).stderr
    assert len(errors.strip().splitlines()) == 1, errors


@contextmanager
def _server_of(folder: Path) -> Iterator[dict[str, str]]:
    """The environment of a deployment of its own in this folder, while its server runs."""
    ensure_secret_key(folder)
    server = EmbeddedServer(folder)
    asyncio.run(server.start())
    yield {"HOURSTREAM_DATA": str(folder), "REDIS_URL": server.url}
    asyncio.run(server.stop())


async def _pin(environment: Mapping[str, str], org: str) -> None:
    redis, data = open_redis(environment["REDIS_URL"]), Path(environment["HOURSTREAM_DATA"])
    await redis.delete(Keys()("pair"))
    (data / "state" / "pair.json").unlink(missing_ok=True)
    await Pair(redis, Keys(), data).pin("org", org)
    await redis.aclose()
