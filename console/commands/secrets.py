"""`hourstream secrets …`: the keys that tokens are encrypted with."""

from typing import Annotated

import typer

from console import output

app = typer.Typer(no_args_is_help=True)


@app.callback()
def secrets() -> None:
    """The key that tokens are encrypted with."""


@app.command()
def init() -> None:
    """Make the key in HOURSTREAM_DATA where there is none (`up` does it too); never replaces one."""
    from worker.store.secrets import ensure_secret_key

    path = ensure_secret_key(output.settings().hourstream_data)
    output.screen.print(f"The key is in {path}.", soft_wrap=True)


@app.command()
def rotate(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Encrypt everything that is secret anew, with a new key. Safe while everything runs.

    Where HOURSTREAM_SECRET_KEY is given, put a new key before the old one there and restart first: this uses it.
    """
    from console.rotating import Rotated, rotate_keys

    done: Rotated = output.run(rotate_keys(output.settings()))
    if json:
        output.show_json(done)
    else:
        output.screen.print(done.text, soft_wrap=True, highlight=False)
