"""The gRPC channel to the Pub/Sub API: pings, trust, proxy."""

import os
import ssl
from dataclasses import dataclass, replace
from pathlib import Path

import grpc

from worker.limits import Limits
from worker.proxies import proxy_for


@dataclass(frozen=True, slots=True)
class Target:
    """Where the Pub/Sub API is. `pings_apart` multiplies the time between pings."""

    address: str  # host:port
    tls: bool = True
    pings_apart: int = 1

    def with_rarer_pings(self) -> "Target":
        """The same target, pinged half as often: the server found them too many."""
        return replace(self, pings_apart=min(self.pings_apart * 2, 32))


def open_channel(target: Target, limits: Limits) -> grpc.aio.Channel:
    """A channel of its own for each subscription: a new attempt inherits neither a dead link nor gRPC's back-off."""
    options = channel_options(target, limits)
    if not target.tls:
        return grpc.aio.insecure_channel(target.address, options=options)
    credentials = grpc.ssl_channel_credentials(root_certificates=roots())
    return grpc.aio.secure_channel(target.address, credentials, options=options)


def channel_options(target: Target, limits: Limits) -> list[tuple[str, int | str]]:
    """gRPC's options. Pings go out every half minute and must be answered within the sixth of one.

    `grpc.keepalive_timeout_ms` alone notices a half-open link only a minute later (measured on grpcio 1.85).
    """
    every = round(limits.minute / 2 * 1000) * target.pings_apart
    within = round(limits.minute / 6 * 1000)
    return [
        ("grpc.keepalive_time_ms", every),
        ("grpc.keepalive_timeout_ms", within),
        ("grpc.http2.ping_timeout_ms", within),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.max_receive_message_length", 16 * 1024 * 1024),
        *_proxy(target),
    ]


def _proxy(target: Target) -> list[tuple[str, int | str]]:
    """By the rule of all our calls; gRPC itself knows the names of the variables in small letters only."""
    proxy = proxy_for(f"https://{target.address}")
    return [("grpc.enable_http_proxy", int(proxy is not None)), *([("grpc.http_proxy", proxy)] if proxy else [])]


def roots() -> bytes | None:
    """The certificates to trust: `SSL_CERT_FILE`, else the system's; None leaves it to gRPC.

    gRPC itself reads the file in `GRPC_DEFAULT_SSL_ROOTS_FILE_PATH`, and brings Mozilla's list where there is none.
    """
    if os.environ.get("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"):
        return None
    named = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    return Path(named).read_bytes() if named and Path(named).is_file() else None
