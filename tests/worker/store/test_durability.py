"""What is refused at start, what is only warned of."""

import pytest
from redis.asyncio import Redis

from worker.errors import ConfigurationError, ServiceError
from worker.store import durability
from worker.store.embedded import EmbeddedServer


async def test_the_embedded_server_is_as_it_should_be(valkey: EmbeddedServer) -> None:
    found = await durability.check_server(valkey.url)
    assert found.warnings == ()
    assert found.server.startswith("Valkey ")
    assert (found.policy, found.append_only, found.fsync) == ("noeviction", True, "always")


async def test_an_eviction_policy_is_refused_with_the_remedy(own_server: EmbeddedServer) -> None:
    await _configure(own_server, "maxmemory-policy", "allkeys-lru")
    with pytest.raises(ConfigurationError, match=r"allkeys-lru.*CONFIG SET maxmemory-policy noeviction"):
        await durability.check_server(own_server.url)


async def test_flushing_every_second_is_a_warning_that_says_what_is_at_risk(own_server: EmbeddedServer) -> None:
    await _configure(own_server, "appendfsync", "everysec")
    (warning,) = (await durability.check_server(own_server.url)).warnings
    assert "everysec" in warning
    assert "power cut" in warning


async def test_no_append_only_file_is_a_warning_that_says_what_is_at_risk(own_server: EmbeddedServer) -> None:
    await _configure(own_server, "appendonly", "no")
    (warning,) = (await durability.check_server(own_server.url)).warnings
    assert "appendonly yes" in warning


async def test_a_managed_server_without_config_is_judged_by_info(own_server: EmbeddedServer) -> None:
    async with Redis.from_url(own_server.url, decode_responses=True) as redis:
        await redis.acl_setuser("managed", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-config"])
    found = await durability.check_server(own_server.url.replace("unix://", "unix://managed:x@"))
    assert (found.policy, found.append_only, found.fsync) == ("noeviction", True, "")
    assert "does not say how often" in found.warnings[0]


async def test_a_replica_is_refused(own_server: EmbeddedServer) -> None:
    async with Redis.from_url(own_server.url, decode_responses=True) as redis:
        await redis.replicaof("127.0.0.1", "1")
    with pytest.raises(ConfigurationError, match="replica"):
        await durability.check_server(own_server.url)


@pytest.mark.parametrize(
    ("info", "word"),
    [({"redis_version": "6.2.14"}, "too old"), ({"redis_version": "7.2.4", "cluster_enabled": 1}, "Cluster")],
)
def test_old_servers_and_clusters_are_refused(info: dict[str, object], word: str) -> None:
    with pytest.raises(ConfigurationError, match=word):
        durability.refuse_unusable(info)


async def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    with pytest.raises(ServiceError, match=r"redis://127\.0\.0\.1:1/0 cannot be reached") as caught:
        await durability.check_server("redis://user:hunter2@127.0.0.1:1/0")
    assert "hunter2" not in str(caught.value)


async def test_a_wrong_password_is_a_matter_of_configuration(own_server: EmbeddedServer) -> None:
    with pytest.raises(ConfigurationError, match="password"):
        await durability.check_server(own_server.url.replace("unix://", "unix://nobody:wrong@"))


async def _configure(server: EmbeddedServer, name: str, value: str) -> None:
    async with Redis.from_url(server.url, decode_responses=True) as redis:
        await redis.config_set(name, value)
