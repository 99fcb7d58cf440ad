"""`python -m console`: the same as the command `hourstream`."""

from console.cli import main

main()
