"""Makes the builders of this folder importable by its tests."""
