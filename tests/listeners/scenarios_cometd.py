"""What Salesforce says over CometD when it says no, and what stands between."""

from tests.listeners.scenario import COMETD, Play, add, scenario
from tests.listeners.world import World, until

BUSY = "503::Server is too busy.  Please try your request again later."
HANDSHAKE, CONNECT, SUBSCRIBE = "/meta/handshake", "/meta/connect", "/meta/subscribe"
NO_SESSION = '[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]'
PAGE = "<!DOCTYPE html><html><body>We are down for maintenance.</body></html>"


@scenario(COMETD)
async def salesforce_forgets_the_client(world: World) -> None:
    await world.told(*world.log_time())
    world.stream("forget-clients")
    await world.told(*world.log_time())
    await until(lambda: world.status().reconnects["client unknown"] == 1)
    assert world.salesforce.logins == 2  # one for each subscription, the same session


@scenario(COMETD)
async def salesforce_forgets_the_client_again_and_again(world: World) -> None:
    for number in range(1, 6):
        world.log_time()
        world.stream("forget-clients")
        await until(lambda at=number: sum(world.status().reconnects.values()) >= at)
        await world.open()
    await world.told(*world.truth)


def refused(channel: str, error: str, *, times: int = 3, renews: bool = False, **more: object) -> Play:
    """The next answers on that meta channel are refusals, for which the token is renewed or, as a rule, kept."""

    async def play(world: World) -> None:
        await world.told(*world.log_time())
        world.stream("refuse", channel=channel, error=error, times=times, **more)
        world.stream("break")
        world.log_time()
        await until(lambda: not world.state.cometd.scripted)
        await world.told(*world.truth)
        assert sum(world.status().reconnects.values()) >= times
        assert (world.salesforce.renewed > 0) == renews

    return play


for at in (HANDSHAKE, CONNECT, SUBSCRIBE):
    name = at.rpartition("/")[2]
    busy = refused(at, "401::Authentication invalid", reason=BUSY, reconnect="none")
    add(f"a_busy_server_masks_itself_as_401_at_{name}", busy, (COMETD,))
    unknown = refused(at, "403::Unknown client", times=5, reconnect="handshake")
    add(f"a_storm_of_unknown_clients_at_{name}", unknown, (COMETD,))
    token = refused(at, "401::Authentication invalid", reconnect="none", renews=True)
    add(f"a_token_is_refused_at_{name}", token, (COMETD,))
for name, reason in (("for_the_token", "401::Authentication invalid"), ("without_a_reason", "")):
    denied = refused(HANDSHAKE, "403::Handshake denied", reason=reason, times=2, renews=True)
    add(f"a_handshake_is_denied_{name}", denied, (COMETD,))
for name, at, error, reason in (
    ("a_busy_server_denies_the_subscription", SUBSCRIBE, "403:denied_by_security_policy:subscribe_denied", BUSY),
    ("the_client_is_unknown_by_the_old_code", CONNECT, "402::Unknown client", ""),
    ("too_many_clients_are_connected", HANDSHAKE, "403::Organization concurrent user limit exceeded", ""),
    ("the_server_has_an_error", CONNECT, "500::Internal server error", ""),
    ("salesforce_says_no_without_a_reason", CONNECT, "", ""),
):
    add(name, refused(at, error, reason=reason, times=2), (COMETD,))


@scenario(COMETD)
async def the_subscription_is_refused_after_a_re_handshake(world: World) -> None:
    """A client that stays connected without a subscription would be silent for ever."""
    await world.told(*world.log_time())
    world.stream("refuse", channel=SUBSCRIBE, error="503::Service not available", times=2)
    world.stream("forget-clients")
    world.log_time()
    await until(lambda: world.status().reconnects["unavailable"] == 2)
    await world.told(*world.truth)


@scenario(COMETD, reads="position-lost anchored")
async def the_replay_id_is_refused(world: World) -> None:
    error = "400::The replayId {82} you provided was invalid.  Please provide a valid ID, -2 or -1."
    world.stream("refuse", channel=SUBSCRIBE, error=error)
    world.quietly()
    world.stream("break")
    await until(lambda: "position-lost" in world.kinds())
    await world.open()


def answered(kind: str, *, times: int = 3, **how: object) -> Play:
    """The next requests, whatever they ask, get this for an answer."""

    async def play(world: World) -> None:
        await world.told(*world.log_time())
        world.fault(kind, times=times, **how)
        world.stream("break")
        world.log_time()
        await until(lambda: world.faults.armed == 0)
        await world.told(*world.truth)

    return play


HTML = {"Content-Type": "text/html"}
for name, play in {
    "a_gateway_answers_502": answered("status", status=502, body="Bad Gateway", headers=HTML),
    "a_gateway_answers_503": answered("status", status=503, body=PAGE, headers=HTML),
    "a_gateway_answers_504": answered("status", status=504),
    "the_server_answers_500": answered("status", status=500),
    "a_maintenance_page_comes_with_200": answered("status", status=200, body=PAGE, headers=HTML),
    "a_redirect_to_a_sign_in_page": answered("status", status=302, headers={"Location": "https://login.example.com/"}),
    "http_401_with_the_rest_api_s_error": answered("status", status=401, body=NO_SESSION),
    "http_403_with_the_rest_api_s_error": answered("status", status=403, body=NO_SESSION),
    "http_200_with_the_rest_api_s_error": answered("status", status=200, body=NO_SESSION),
    "http_400_for_want_of_a_cookie": answered("status", status=400, body="400::Client abc: no cookie present"),
    "http_413_too_large": answered("status", status=413, times=1),
    "http_429_too_many": answered("status", status=429),
    "an_answer_without_messages": answered("status", status=200, body="[]"),
    "an_answer_that_answers_something_else": answered("status", status=200, body='[{"channel":"/meta/other"}]'),
    "an_answer_that_is_no_list": answered("status", status=200, body='{"ok":true}'),
    "an_answer_of_nothing": answered("status", status=200),
    "an_answer_of_garbage": answered("garbage"),
    "an_answer_that_is_lost": answered("drop-after"),
    "a_request_that_is_lost": answered("drop-before"),
    "an_answer_that_drips": answered("drip", delay=2.0),
}.items():
    add(name, play, (COMETD,))


@scenario(COMETD)
async def events_are_lost_with_the_answer_that_held_them(world: World) -> None:
    """Without acknowledgements the server counts them as delivered: only the stored position tells."""
    world.fault("drop-after")  # the connect after the one that is held now
    await world.told(*world.log_time())
    await until(lambda: world.faults.armed == 0)
    world.log_time()
    await world.told(*world.truth)


@scenario(COMETD)
async def messages_that_are_no_events_are_among_the_answers(world: World) -> None:
    body = '[{"channel":"/service/x","data":1},{"channel":"/meta/connect","successful":true}]'
    world.fault("status", status=200, body=body, times=3)
    world.log_time()
    await world.told(*world.truth)


@scenario(COMETD, reads="undecodable")
async def an_event_has_no_replay_id(world: World) -> None:
    await world.told(*world.log_time())
    unit = world.quietly()
    event = '{"channel":"/data/TimeEntry__ChangeEvent","data":{"payload":{}}}'
    body = "[" + event + ',7,{"channel":"/meta/connect","successful":true}]'
    world.fault("status", status=200, body=body)
    world.log_time()
    await until(lambda: len(world.inbox.parked) == 2)
    assert unit not in world.inbox.ids


@scenario(COMETD)
async def another_client_shares_the_cookie(world: World) -> None:
    """Then Salesforce advises a pause between connects, in milliseconds."""
    await world.told(*world.log_time())
    [client] = world.state.cometd
    world.state.cometd.add(client.browser, client.token)
    for _ in range(2):
        await world.told(*world.log_time())
    assert not world.status().reconnects


@scenario(COMETD)
async def leaving_gives_the_client_back(world: World) -> None:
    await world.told(*world.log_time())
    await world.stop()
    assert len(world.state.cometd) == 0
    world.log_time()
    world.start()
    await world.told(*world.truth)
