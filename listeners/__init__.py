"""Doors: what arrives from outside. `python -m listeners` runs the one that tells which time entries changed."""
