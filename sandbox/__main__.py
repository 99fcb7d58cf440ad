"""`python -m sandbox`: both stand-ins until a signal comes. Prints the environment that points the product at them."""

import argparse
import asyncio
import ctypes
import os
import signal
import sys

from sandbox.serve import Ports, running

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; answers the exit code."""
    parser = argparse.ArgumentParser(
        prog="hourstream sandbox", description="Stand-ins for a Salesforce org and a Xero company, on 127.0.0.1."
    )
    for name in ("salesforce", "pubsub", "pubsub-tls", "xero", "control"):
        parser.add_argument(f"--{name}-port", type=_port, default=0, metavar="PORT", help="0 picks a free one")
    parser.add_argument("--seed", action="store_true", help="begin with contacts, projects, people and time entries")
    parser.add_argument("--with-parent", action="store_true", help="end when the process that started it ends (Linux)")
    options = parser.parse_args(arguments)
    ports = Ports(
        options.salesforce_port, options.pubsub_port, options.pubsub_tls_port, options.xero_port, options.control_port
    )
    if options.with_parent:
        _die_with_parent(os.getppid())
    return asyncio.run(_serve(ports, seeded=options.seed))


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65_535:
        raise argparse.ArgumentTypeError(f"{port} is not a port: 0 to 65535")
    return port


async def _serve(ports: Ports, *, seeded: bool) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        async with running(ports, seeded=seeded) as sandbox:
            lines = [f"{name}={value}" for name, value in sandbox.environment.items()]
            print("\n".join([*lines, "ready"]), flush=True)
            await stop.wait()
    except (OSError, RuntimeError) as error:
        print(f"The stand-ins cannot start: {error}", file=sys.stderr)
        return 1
    return 0


def _die_with_parent(parent: int) -> None:
    """Ask Linux for a SIGTERM when the process that started us ends; elsewhere it must stop us itself."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
