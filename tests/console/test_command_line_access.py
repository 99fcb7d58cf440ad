"""`hourstream access …`: roles from the terminal, with an audit entry each."""

from tests.console.cli_support import Installation


def test_a_role_is_given_listed_and_taken(installation: Installation) -> None:
    run, ask = installation.hourstream, installation.json
    given = ask("access", "grant", "ada@example.com", "--with", "salesforce", "--role", "operator")
    assert (given["person"], given["role"]) == ("salesforce:ada@example.com", "operator")
    link = ask("access", "link", "Grace Hopper", "--role", "administrator")["link"]
    assert "/link/" in link
    assert [each["name"] for each in ask("access", "list")] == ["ada@example.com", "Grace Hopper"]
    assert "no role any more" in run("access", "revoke", "Ada@Example.com", "--with", "salesforce").stdout
    refused = run("access", "revoke", "Grace Hopper", "--with", "link", expect=1)
    assert "only administrator" in refused.stderr


def test_a_wrong_word_is_named(installation: Installation) -> None:
    done = installation.hourstream("access", "grant", "ada", "--with", "pigeon", "--role", "viewer", expect=2)
    assert "is none of" in done.stderr
    assert "Traceback" not in done.stderr
