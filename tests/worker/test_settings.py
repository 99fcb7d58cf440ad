"""Settings: what the environment and `.env` may say, and how it is refused."""

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from sandbox.serve import Ports, running
from worker.errors import ConfigurationError
from worker.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable of ours is set, and the current folder has no `.env`."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def refusal(monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    return str(caught.value)


def test_without_variables_every_default_is_the_documented_one() -> None:
    settings = load_settings()
    assert settings.redis_url is None
    assert settings.salesforce_login_url == "https://login.salesforce.com"
    assert settings.salesforce_api_version == "67.0"
    assert settings.salesforce_transport == "auto"
    assert settings.salesforce_pubsub_target == "api.pubsub.salesforce.com:7443"
    assert settings.salesforce_pubsub_tls is True
    assert settings.xero_grant == "authorization_code"
    assert settings.xero_api_url == "https://api.xero.com"
    assert settings.hourstream_time_scale == 1
    assert settings.hourstream_console_url == "http://localhost:8400"
    assert settings.hourstream_health_port is None
    assert settings.hourstream_log_level == "info"


def test_the_data_folder_follows_the_platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert load_settings().hourstream_data == tmp_path / "hourstream"
    monkeypatch.setattr("sys.platform", "darwin")
    assert load_settings().hourstream_data.parts[-3:] == ("Library", "Application Support", "hourstream")


def test_a_file_named_env_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("XERO_CLIENT_ID=from-file\nSALESFORCE_CLIENT_ID=from-file\nUNRELATED=1\n")
    monkeypatch.setenv("XERO_CLIENT_ID", "from-environment")
    settings = load_settings()
    assert settings.xero_client_id == "from-environment"
    assert settings.salesforce_client_id == "from-file"


def test_an_empty_variable_is_one_that_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "")
    assert load_settings().redis_url is None


def test_no_secret_shows_in_any_representation(monkeypatch: pytest.MonkeyPatch) -> None:
    key = Fernet.generate_key().decode()
    monkeypatch.setenv("SALESFORCE_CLIENT_SECRET", "s3cret-salesforce")
    monkeypatch.setenv("XERO_CLIENT_SECRET", "s3cret-xero")
    monkeypatch.setenv("HOURSTREAM_SECRET_KEY", key)
    monkeypatch.setenv("REDIS_URL", "redis://:s3cret-redis@127.0.0.1:6379/0")
    settings = load_settings()
    for text in (repr(settings), str(settings)):
        assert "s3cret" not in text
        assert key not in text


def test_a_refusal_never_repeats_the_value(monkeypatch: pytest.MonkeyPatch) -> None:
    text = refusal(monkeypatch, REDIS_URL="http://:s3cret@host", HOURSTREAM_SECRET_KEY="s3cret")
    assert "s3cret" not in text
    assert text.count("\n") == 1, "both problems at once"


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost:6379/0",
        "redis://[::1]:6379",
        "rediss://user:p%40ss@redis.example.com:6380/2",
        "unix:///run/redis.sock",
        "unix:///run/redis.sock?db=1",
        "redis+sentinel://one:26379,two:26379/mymaster/0",
        "redis+sentinel://:pass@one,two:26380/mymaster",
    ],
)
def test_the_four_forms_of_a_redis_address_are_accepted(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("REDIS_URL", url)
    assert load_settings().redis_url == url


@pytest.mark.parametrize(
    "url",
    [
        "localhost:6379",
        "http://localhost:6379",
        "redis://",
        "redis://localhost:port/0",
        "redis://localhost:6379/first",
        "unix://",
        "redis+sentinel://one:26379",
        "redis+sentinel://one:x/mymaster/0",
        "redis+sentinel://one:26379/mymaster/first",
    ],
)
def test_other_redis_addresses_are_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    assert refusal(monkeypatch, REDIS_URL=url).startswith("REDIS_URL ")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("XERO_API_URL", "api.xero.com", "XERO_API_URL is no web address. Write it like https://example.com."),
        (
            "XERO_API_URL",
            "http://api.xero.com",
            "XERO_API_URL begins with http://, which is accepted for this machine only. Write https://.",
        ),
        (
            "SALESFORCE_PUBSUB_TARGET",
            "https://x",
            "SALESFORCE_PUBSUB_TARGET is no host:port. Write it like api.pubsub.salesforce.com:7443.",
        ),
        (
            "SALESFORCE_TRANSPORT",
            "carrier pigeon",
            "SALESFORCE_TRANSPORT has an unknown value. Write 'auto', 'pubsub', 'cometd' or 'poll'.",
        ),
        (
            "SALESFORCE_API_VERSION",
            "45.0",
            'SALESFORCE_API_VERSION is no API version that will do. Write one from "46.0" on, for example "67.0".',
        ),
        (
            "SALESFORCE_PUBSUB_TLS",
            "perhaps",
            'SALESFORCE_PUBSUB_TLS is neither true nor false. Write "true" or "false".',
        ),
        (
            "SALESFORCE_PUBSUB_TLS",
            "false",
            (
                "SALESFORCE_PUBSUB_TLS is false, but SALESFORCE_PUBSUB_TARGET is not on this machine. "
                "Plaintext is accepted for loopback only: leave the variable out."
            ),
        ),
        (
            "HOURSTREAM_HEALTH_PORT",
            "70000",
            'HOURSTREAM_HEALTH_PORT is not a port. Write a number from 1 to 65535, or "off".',
        ),
        (
            "HOURSTREAM_TIME_SCALE",
            "0",
            "HOURSTREAM_TIME_SCALE is not above 0. Leave it out: 1 is right outside test suites.",
        ),
        (
            "SALESFORCE_USERNAME",
            "me@example.com",
            (
                "SALESFORCE_PRIVATE_KEY_FILE is missing. SALESFORCE_USERNAME is given: "
                "the JWT bearer flow needs both, or neither."
            ),
        ),
        (
            "HOURSTREAM_SETUP",
            "nowhere.toml",
            "HOURSTREAM_SETUP names nowhere.toml, which is not a file. Correct the path or leave the variable out.",
        ),
        (
            "HOURSTREAM_SECRET_KEY",
            "short",
            (
                "HOURSTREAM_SECRET_KEY holds a key that is not a Fernet key (32 bytes in URL-safe base64). "
                "Leave it out and `hourstream up` makes one in HOURSTREAM_DATA/secret.key."
            ),
        ),
    ],
)
def test_a_wrong_value_is_refused_by_name_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    assert refusal(monkeypatch, **{name: value}) == said


def test_several_fernet_keys_newest_first_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = ",".join(Fernet.generate_key().decode() for _ in range(2))
    monkeypatch.setenv("HOURSTREAM_SECRET_KEY", keys)
    secret = load_settings().hourstream_secret_key
    assert secret is not None
    assert secret.get_secret_value() == keys


def test_a_slash_at_the_end_of_an_address_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOURSTREAM_CONSOLE_URL", "https://time.example.com/")
    assert load_settings().hourstream_console_url == "https://time.example.com"


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "http://127.9.8.7"])
def test_plain_http_is_accepted_on_this_machine(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("XERO_API_URL", url)
    assert load_settings().xero_api_url == url


@pytest.mark.parametrize("url", ["http://127.0.0.1.example.com", "http://localhost@example.com", "http://10.0.0.1"])
def test_plain_http_is_refused_where_an_address_only_looks_local(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    assert "http://" in refusal(monkeypatch, XERO_API_URL=url)


def test_a_time_scale_is_refused_while_any_address_is_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    text = refusal(monkeypatch, HOURSTREAM_TIME_SCALE="20", XERO_API_URL="http://127.0.0.1:1")
    assert text.startswith("HOURSTREAM_TIME_SCALE is not 1, but SALESFORCE_LOGIN_URL, XERO_LOGIN_URL")
    assert "XERO_API_URL" not in text


async def test_the_stand_ins_environment_is_accepted_with_a_time_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(Ports()) as stand_ins:
        for name, value in stand_ins.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("HOURSTREAM_TIME_SCALE", "20")
        monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:6379/0")
        settings = load_settings()
    assert settings.hourstream_time_scale == 20
    assert settings.salesforce_pubsub_tls is False


@pytest.mark.parametrize("transport", ["auto", "pubsub", "cometd", "poll"])
def test_every_way_to_hear_of_changes_can_be_chosen(monkeypatch: pytest.MonkeyPatch, transport: str) -> None:
    monkeypatch.setenv("SALESFORCE_TRANSPORT", transport)
    assert load_settings().salesforce_transport == transport


def test_an_address_for_alerts_is_encrypted_or_on_this_machine_and_shows_nowhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for good in ("https://hooks.example.com/s3cret", "http://127.0.0.1:9000/s3cret"):
        monkeypatch.setenv("HOURSTREAM_ALERT_URL", good)
        assert load_settings().hourstream_alert_url == good
        assert "s3cret" not in repr(load_settings())
    monkeypatch.setenv("HOURSTREAM_ALERT_URL", "http://hooks.example.com/s3cret")
    with pytest.raises(ConfigurationError, match="HOURSTREAM_ALERT_URL begins with http://") as refused:
        load_settings()
    assert "s3cret" not in str(refused.value)
