"""Test that a newcomer meets few commands and buttons."""

from __future__ import annotations

from tests.bot.conftest import Inside
from tests.bot.playing import begin_script


async def test_more_has_few_things_on_its_first_level(inside: Inside):
    panel = await begin_script(inside.ann, inside.channel)
    menu = await (await inside.ann.click(panel, "More…")).shows("What next")
    assert len(menu.labels) + len(menu.menus) <= 6
