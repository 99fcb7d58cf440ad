"""What a person decides and asks about bills at the command line, from the first draft to the month's end."""

from tests.console.cli_support import SETUP, Installation


def test_from_the_first_draft_to_the_months_end(installation: Installation) -> None:
    run, ask = installation.hourstream, installation.json
    assert "no setup yet" in run("month", "2026-11", expect=2).stderr
    run("setup", "apply", str(SETUP))
    assert ask("sync")["invoices"] == 6
    invoices = ask("invoices", "list")

    statement = ask("month", "2026-11")
    assert (statement["difference"], statement["difference_hours"], statement["unexplained"]) == ("0.00", "0", [])
    assert {part["where"] for part in statement["parts"]} >= {"drafts"}
    assert [row["number"] for row in statement["numbers"]] == [f"TT-{n:05d}" for n in range(1, 7)]
    assert run("month", "2026-11", "--csv").stdout.splitlines()[0].startswith("period,where,reason")
    assert "names no billing period" in run("month", "November", expect=2).stderr

    assert ask("corrections", "list") == []
    assert "corrections list" in run("corrections", "accept", "TT-00001", expect=1).stderr
    assert "--all" in run("corrections", "accept", expect=2).stderr
    waiting = ask("waiting", "list")
    assert all({"id", "reason", "cause", "since"} <= row.keys() for row in waiting)

    entry = ask("invoices", "show", "TT-00001")["entries"][0]
    [decided] = ask("waiting", "dont-bill", entry, "--reason", "a gift")
    assert (decided["id"], decided["decision"]) == (entry, "dont-bill")
    assert ask("why", entry)["reason"] == "dont-bill"
    [decided] = ask("waiting", "bill", entry)
    assert ask("why", entry)["state"] in ("billed", "moving", "due")

    assert ask("brake", "show") is None
    assert "No pass is stopped" in run("brake", "go-on", expect=1).stderr

    assert ask("invoices", "rerate", invoices[0]["key"]) == []
    gated = installation.folder / "gated.toml"
    gated.write_text(SETUP.read_text("utf-8").replace('bill = "all" ', 'bill = "listed" '), "utf-8")
    effect = ask("setup", "effect", str(gated))
    assert int(effect["removed_entries"]) > 0
    assert ask("setup", "show")["version"] == 1

    preview = installation.folder / "preview.toml"
    preview.write_text(SETUP.read_text("utf-8").replace('invoices = "live"', 'invoices = "preview"'), "utf-8")
    run("setup", "apply", "--yes", str(preview))
    [withdrawn] = ask("invoices", "withdraw", invoices[0]["key"])
    assert (withdrawn["number"], withdrawn["why"]) == (invoices[0]["number"], "")
    made = ask("invoices", "create", invoices[0]["key"])
    assert (made["status"], made["hours"], made["number"]) == ("open", invoices[0]["hours"], "TT-00007")
    done = ask("invoices", "withdraw", "--all")
    assert {each["why"] for each in done} == {""}
    assert ask("invoices", "list", "--status", "open") == []
