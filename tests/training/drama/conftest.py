"""Run a mirror of Project Gutenberg on this machine."""

import threading
from collections.abc import Iterator

import pytest

from .mirror import Mirror, Server


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.mirror
        server.shutdown()
        thread.join()
