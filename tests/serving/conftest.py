"""Servers that end with their test."""

import pytest
from running_server import Running


@pytest.fixture
def running():
    """Make a server: `running(seconds=..., slots=...)`; all are stopped after the test."""
    servers = []

    def make(**options):
        servers.append(Running(**options).__enter__())
        return servers[-1]

    yield make
    for server in servers:
        server.__exit__()
