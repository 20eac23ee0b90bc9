"""Act on a stage as people do, and read the menus that they are shown."""

from __future__ import annotations

from typing import Any

from tests.bot.conftest import Stage, answer


async def write_lines(stage: Stage, *lines: str, by: Any = None) -> Any:
    """Write lines as Ann, or as somebody else, and return the message of the last one."""
    await (by or stage.ann).slash(stage.channel, "write", text="\n\n".join(lines))
    return stage.messages()[-2]


async def replace_script(stage: Stage, by: Any = None, **how: Any) -> Any:
    """Pause the script that runs, and start another one as Ann, or as somebody else."""
    how = {"title": "The Roof", "heading": "Ext. roof", **how}
    asked = await (by or stage.ann).slash(stage.channel, "start", **how)
    label = "Pause it and start the new one"
    return answer(await (by or stage.ann).click(asked.response, label=label))


def menu_options(shown: Any) -> dict[str, str]:
    """Return the values of a message's menu by their labels."""
    [menu] = [one for row in shown.components for one in row["components"] if one["type"] == 3]
    return {one["label"]: one["value"] for one in menu["options"]}


async def choose_script(stage: Stage, title: str, by: Any = None) -> Any:
    """Choose a script from the list as Ann, or as somebody else; return the message below."""
    shown = (await (by or stage.ann).slash(stage.channel, "script list")).response
    await (by or stage.ann).select(shown, [menu_options(shown)[title]])
    return shown


async def pass_time_without_bot(stage: Stage, seconds: float) -> None:
    """Let time pass while no bot runs."""
    with stage.world._bot_scope():
        stage.services.timers.stop()
    await stage.world.advance_time(seconds)
