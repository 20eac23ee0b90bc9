"""Test a small part of ``python -m tests.soak.board`` in each look."""

from __future__ import annotations

from typing import Any

import pytest

from bot.settings import RunnerSettings
from bot.ui.looks import Look
from tests.soak.board import Rehearsal

from .conftest import opened, staged


@pytest.mark.parametrize(("seed", "look"), list(enumerate(Look)))
async def test_the_channel_shows_each_line_once_in_order(
    chosen: RunnerSettings, seed: int, look: str
):
    settings: Any = chosen.model_copy(update={"look": look})
    async with opened(settings) as world:
        stage = await staged(world, settings)
        stage.permit(manage_webhooks=True)
        rehearsal = Rehearsal(stage, seed)
        assert await rehearsal.run(20) == [], rehearsal.acts
