"""Doors: what arrives from outside. `python -m listeners` runs the one that tells which time entries changed."""

import os

os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # what gRPC has to say reaches us as errors, and is logged as such
