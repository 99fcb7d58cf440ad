"""What all tests share."""

import pytest

pytest_plugins = ["tests.fixtures_store"]
NEEDS = {"conformance": "npm clients", "browser": "Chromium"}  # marker and option to what not every machine has


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--conformance", action="store_true", help="run the stand-ins against npm clients (make conformance)"
    )
    parser.addoption("--browser", action="store_true", help="run the console in Chromium (make browser)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for name, needs in NEEDS.items():
        if config.getoption(f"--{name}"):
            continue
        skip = pytest.mark.skip(reason=f"needs {needs}: make {name}")
        for item in items:
            if name in item.keywords:
                item.add_marker(skip)
