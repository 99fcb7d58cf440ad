"""The Queue page: what operators look at and steer. It alone speaks in the engine's words."""
