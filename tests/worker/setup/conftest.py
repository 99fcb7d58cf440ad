"""Property tests count examples, not milliseconds: the machine may be busy."""

from hypothesis import settings

settings.register_profile("hourstream", deadline=None)
settings.load_profile("hourstream")
