"""Logs: one stream for both kinds of loggers, and no secret in it."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from worker.logs import Redactor, configure_logging
from worker.settings import Settings

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
SESSION = "00D000000000001!AQ8AQPq.Kd_9x1vXo"


@pytest.fixture(autouse=True)
def loggers_as_they_were() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def settings(**values: Any) -> Settings:
    return Settings(_env_file=None, **values)  # type: ignore[call-arg]  # pydantic-settings takes it


def configured(**values: Any) -> io.StringIO:
    out = io.StringIO()
    configure_logging(settings(**{"hourstream_log_format": "json"} | values), out)
    return out


def events(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_an_event_is_one_json_line_with_level_and_time() -> None:
    out = configured()
    structlog.get_logger("billing").info("invoice created", number="TT-00042", entries=3)
    (event,) = events(out)
    assert event["event"] == "invoice created"
    assert (event["number"], event["entries"], event["level"], event["logger"]) == ("TT-00042", 3, "info", "billing")
    assert event["timestamp"].endswith("Z")


def test_what_libraries_log_comes_the_same_way() -> None:
    out = configured()
    logging.getLogger("arq").warning("job %s is late", "collect")
    (event,) = events(out)
    assert (event["event"], event["level"], event["logger"]) == ("job collect is late", "warning", "arq")


def test_context_bound_to_a_task_is_on_every_event() -> None:
    out = configured()
    with structlog.contextvars.bound_contextvars(job="collect"):
        structlog.get_logger().info("one")
        logging.getLogger("x").info("two")
    assert [event["job"] for event in events(out)] == ["collect", "collect"]


def test_events_below_the_level_are_left_out() -> None:
    out = configured(hourstream_log_level="warning")
    structlog.get_logger().info("quiet")
    logging.getLogger("x").info("quiet")
    structlog.get_logger().warning("loud")
    assert [event["event"] for event in events(out)] == ["loud"]


def test_configuring_again_does_not_say_everything_twice() -> None:
    configured()
    out = configured()
    structlog.get_logger().info("once")
    assert len(events(out)) == 1


def test_the_console_format_is_for_people() -> None:
    out = configured(hourstream_log_format="console")
    structlog.get_logger().info("invoice created", number="TT-00042")
    assert "invoice created" in out.getvalue()
    assert "number=TT-00042" in out.getvalue()


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_known_secrets_are_taken_out_wherever_they_stand(log_format: str) -> None:
    out = configured(
        hourstream_log_format=log_format,
        salesforce_client_secret="sf-s3cret",
        xero_client_secret='xero-s3"cret',
        redis_url="rediss://user:r3dis%40pass@redis.example.com:6379/0",
    )
    log = structlog.get_logger()
    log.info("sf-s3cret in the event", value='xero-s3"cret', nested={"deep": ["a sf-s3cret b"]}, raw=b"sf-s3cret")
    try:
        raise ValueError("no answer from rediss://user:r3dis%40pass@redis.example.com, tried r3dis@pass")
    except ValueError:
        log.exception("failed")
        logging.getLogger("redis").exception("failed with %s", "sf-s3cret")
    text = out.getvalue()
    for secret in ("sf-s3cret", "xero-s3", "r3dis"):
        assert secret not in text
    assert "in the event" in text
    assert "redis.example.com" in text
    assert "ValueError" in text


@pytest.mark.parametrize(
    "said",
    [
        "Authorization: Bearer {}",
        "sent Bearer {} to xero",
        '{{"access_token": "{}", "expires_in": 1800}}',
        "grant_type=refresh_token&refresh_token={}&x=1",
        "client_secret={}",
        "redis://:{}@host:6379/0",
        "headers {{'Authorization': 'OAuth {}'}}",
    ],
)
def test_secrets_that_are_not_known_are_told_by_what_stands_around_them(said: str) -> None:
    secret = "abcDEF123-456_789"
    out = configured()
    structlog.get_logger().info(said.format(secret))
    logging.getLogger("x").info(said.format(secret))
    assert secret not in out.getvalue()
    assert "***" in out.getvalue()


@pytest.mark.parametrize("secret", [JWT, SESSION, "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----"])
def test_secrets_with_a_form_of_their_own_are_taken_out(secret: str) -> None:
    out = configured()
    structlog.get_logger().info("got", answer=f"before {secret} after")
    (event,) = events(out)
    assert event["answer"] == "before *** after"


@pytest.mark.parametrize("name", ["access_token", "refresh_token", "client_secret", "Authorization", "private_key"])
def test_a_value_under_a_secret_name_is_taken_out_whatever_it_is(name: str) -> None:
    out = configured()
    structlog.get_logger().info("got", **{name: "short"}, inner={name: ["x"]})
    (event,) = events(out)
    assert event[name] == "***"
    assert event["inner"][name] == "***"


def test_words_that_only_mention_secrets_stay() -> None:
    assert Redactor().text("the token was renewed; the password of the user is not needed") == (
        "the token was renewed; the password of the user is not needed"
    )


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_whatever_an_event_holds_the_known_secret_is_gone_and_it_is_json(value: Any) -> None:
    secret = "kn0wn-s3cret"
    redacted = Redactor([secret]).value({"holds": value, "list": [value, secret], "text": f"{value!r}{secret}"})
    assert secret not in json.dumps(redacted)
