"""What all tests share."""

import pytest

pytest_plugins = ["tests.fixtures_store"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--conformance", action="store_true", help="run the stand-ins against npm clients (make conformance)"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--conformance"):
        return
    skip = pytest.mark.skip(reason="needs npm clients: make conformance")
    for item in items:
        if "conformance" in item.keywords:
            item.add_marker(skip)
