"""Connections to Redis whose commands can be cancelled.

redis-py 5 sends each command through `asyncio.wait_for`, which on Python 3.11 forgets a cancellation that arrives when
the bytes have just left (python/cpython#86296, mended in 3.12): a task told to stop goes on, and a process told to end
hangs. Measured on a busy client: 5 of 15 cancellations were lost.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection


def make_cancellable(client: Redis) -> None:
    """Have `client`, not connected yet, use connections that obey cancellation."""
    pool = client.connection_pool
    kind: Any = pool.connection_class
    pool.connection_class = type(f"Cancellable{kind.__name__}", (_CancellableSend, kind), {})


class _CancellableSend(AbstractConnection):
    """Sends with the same deadline and the same errors, without `wait_for`."""

    async def send_packed_command(self, command: bytes | str | Iterable[bytes], check_health: bool = True) -> None:
        """Send one packed command, connecting first where needed; a connection that failed half-way is closed."""
        if not self.is_connected:
            await self.connect()  # type: ignore[no-untyped-call]  # redis-py leaves it so
        elif check_health:
            await self.check_health()  # type: ignore[no-untyped-call]  # as above
        packed = command.encode() if isinstance(command, str) else command
        sent = False
        try:
            async with asyncio.timeout(self.socket_timeout):
                await self._send_packed_command([packed] if isinstance(packed, bytes) else packed)
            sent = True
        except TimeoutError as error:
            raise exceptions.TimeoutError("Redis took no bytes in time.") from error
        except OSError as error:
            raise exceptions.ConnectionError(f"The connection to Redis broke while sending: {error}.") from error
        finally:
            if not sent:
                await self.disconnect(nowait=True)
