"""Test a small part of ``python -m tests.soak.board``, with seeds that once showed a mistake."""

from __future__ import annotations

import pytest

from tests.soak.board import Rehearsal

from .conftest import Stage


# The seeds found: copies in a message without their originals, and forks before the first line; the
# messages of a fork that is deleted on the shelf.
@pytest.mark.parametrize(("seed", "steps"), [(19, 15), (6, 23)])
async def test_the_channel_tells_the_truth_of_all_its_scripts(stage: Stage, seed: int, steps: int):
    rehearsal = Rehearsal(stage, seed)
    assert await rehearsal.run(steps) == [], rehearsal.acts
