"""`hourstream secrets …`: the key that tokens are encrypted with."""

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
