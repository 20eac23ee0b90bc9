"""Test scripts where the bot is no member, and only a person has installed it.

There, Discord takes nothing from the bot but answers to interactions.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.settings import RunnerSettings
from bot.storage.sqlite.backup import backup, restore
from tests.bot.conftest import Inside, bot_at
from tests.bot.playing import ask_to_forget, begin_script, slow_down
from tests.fake_discord.faults import Kind
from tests.fake_discord.people import Asked, Discord, Message, Person, letters


async def assert_needs_member(asked: Asked) -> None:
    """Check that something is refused because the bot is no member."""
    said = "That works only in servers that have added me, and in direct messages with me."
    assert (await asked.shows("That works")).text == said


class Elsewhere(Inside):
    """A server without the bot, where Ann has installed it, but Ben has not."""

    async def begin(self) -> Message:
        return await begin_script(self.ann, self.channel)

    async def write(self, text: str) -> None:
        await (await self.ann.slash(self.channel, "write", text=text)).is_done()

    async def rewrite(self, old: str, new: str) -> None:
        """Rewrite the second line as Ann."""
        asked = await self.ann.slash(self.channel, "script edit", line="2")
        window = await self.ann.click(await asked.shows(old), "Rewrite this line")
        await (await self.ann.submit_modal(window, {"Text": new})).is_done()

    async def press(self, person: Person, label: str) -> None:
        """Press a button of the panel, and wait for the next panel."""
        before = self.channel.panel()
        looks = len(before.versions)
        await person.click(before, label)
        await self.next_panel(before, looks)

    async def next_panel(self, before: Message, looks: int = 0) -> Message:
        """Wait until another message is the panel, or has more than this many looks."""

        def find() -> Message | None:
            panels = [message for message in self.channel.messages() if message.is_panel]
            is_new = panels and (panels[0].id != before.id or len(panels[0].versions) > looks > 0)
            return panels[0] if len(panels) == 1 and is_new else None

        return await self.discord.until(find)

    def shown(self) -> list[str]:
        """Return the rows that everybody sees, but for those of the panel."""
        rows = [row for _, text in self.channel.shown() for row in text.split("\n")]
        return [row for row in rows if "· tiny" not in row]


@asynccontextmanager
async def elsewhere_at(discord: Discord, chosen: RunnerSettings) -> AsyncIterator[Elsewhere]:
    """Run a bot that is a member of another server only."""
    async with bot_at(discord, chosen) as bot:
        await discord.guild("The Playhouse")
        guild = await discord.guild("Elsewhere", has_bot=False)
        channel = await guild.channel("hall")
        ann, ben = [await guild.person(name) for name in ("Ann", "Ben")]
        await ann.install()
        yield Elsewhere(discord, bot.services, channel, ann, ben)


@pytest.fixture
async def elsewhere(bare_discord: Discord, chosen: RunnerSettings) -> AsyncIterator[Elsewhere]:
    async with elsewhere_at(bare_discord, chosen) as elsewhere:
        yield elsewhere


STARTED = ["-# “The Diner” starts here.", "**INT\\. DINER \\- NIGHT**"]
RAIN = ["**MAYA**", "Rain\\."]
UNDONE = "-# Ann undid the last line."


@pytest.mark.parametrize("is_private", [False, True])
async def test_answers_alone_show_a_script(elsewhere: Elsewhere, is_private: bool):
    if is_private:
        elsewhere.channel = await elsewhere.discord.private(elsewhere.ann, elsewhere.ben)
    await elsewhere.begin()
    await elsewhere.write("MAYA: Rain.")
    assert elsewhere.shown() == [*STARTED, *RAIN]
    assert "To write, press **Write** or use <" in elsewhere.channel.panel().text
    await elsewhere.press(elsewhere.ann, "Undo")
    assert elsewhere.shown() == [*STARTED, UNDONE]
    await elsewhere.press(elsewhere.ben, "Redo")
    assert elsewhere.shown() == [*STARTED, *RAIN, "-# Ben restored the undone line."]
    await elsewhere.press(elsewhere.ann, "Continue")
    first, *_ = elsewhere.channel.panel().text.rsplit("\n", 1)
    await elsewhere.press(elsewhere.ann, "Another take")
    second, *_ = elsewhere.channel.panel().text.rsplit("\n", 1)
    assert first != second
    assert elsewhere.shown() == [*STARTED, *RAIN, *second.split("\n")]
    script = await (await elsewhere.ann.slash(elsewhere.channel, "script show")).shows("MAYA")
    assert script.only_for == elsewhere.ann.id
    # The next start of the bot has nothing to show here.
    await elsewhere.services.stale.show_unshown()


async def test_a_rewritten_line_changes_in_place_until_it_is_cut(elsewhere: Elsewhere):
    await elsewhere.begin()
    await elsewhere.write("MAYA: Rain.\n\nSnow.")
    before = elsewhere.shown()
    await elsewhere.rewrite("Rain", "Hail.")
    hail = [row.replace("Rain", "Hail") for row in before]
    assert elsewhere.shown() == [*hail, "-# Ann rewrote line 2."]
    await (await elsewhere.ann.slash(elsewhere.channel, "undo")).is_done()
    assert elsewhere.shown() == [*before, "-# Ann undid the last edit."]
    await elsewhere.rewrite("Rain", "Hail.")
    await elsewhere.rewrite("Hail", "")
    *rows, told = elsewhere.shown()
    assert told.startswith("-# Ann cut line 2. It stays in </script history:")
    assert rows == [row for row in before if "MAYA" not in row and "Rain" not in row]
    await elsewhere.press(elsewhere.ann, "Undo")
    assert elsewhere.shown() == [*hail, "-# Ann undid the last edit."]


async def test_a_rewrite_into_many_lines_shows_the_last_that_fit(elsewhere: Elsewhere):
    await elsewhere.begin()
    await elsewhere.write("\n\n".join(f"MAYA: Rain {number}." for number in range(9)))
    await elsewhere.rewrite("Rain 0", "\n\n".join(f"INT. ROOM {n}" for n in range(10)))
    earlier, *rows = elsewhere.shown()[len(STARTED) :]
    assert earlier.startswith("-# Earlier lines are in </script show:")
    assert rows[:2] == ["**INT\\. ROOM 8**", "**INT\\. ROOM 9**"]
    assert rows[-3:] == ["**MAYA**", "Rain 8\\.", "-# Ann rewrote line 2."]


async def test_a_panel_with_many_buttons_leaves_room_for_fewer_lines(elsewhere: Elsewhere):
    await elsewhere.begin()
    headings = [f"INT. ROOM {number}" for number in range(9)]
    await elsewhere.write("\n\n".join([*headings, "Plot Twist: rain."]))
    await elsewhere.write("Snow.")
    await (await elsewhere.ann.slash(elsewhere.channel, "undo")).is_done()
    start = {"title": "The Roof", "heading": "EXT. ROOF"}
    question = await (await elsewhere.ann.slash(elsewhere.channel, "start", **start)).shows("pause")
    await (await elsewhere.ann.click(question, "Pause it and start the new one")).is_done()
    _, diner = await elsewhere.store.scripts.list_latest_scripts(2)
    listed = await (await elsewhere.ann.slash(elsewhere.channel, "script list")).shows("The Diner")
    await elsewhere.ann.choose(listed, listed.menus[0], str(diner.id))
    await elsewhere.discord.until(lambda: "Continue it" in listed.labels)
    resumed = await (await elsewhere.ann.click(listed, "Continue it")).is_done()
    assert "resumed “The Diner”" in resumed.text
    assert "-# Earlier lines are in </script show:" in resumed.text
    assert "ROOM 0" not in resumed.text
    assert "ROOM 1" in resumed.text


async def test_an_answer_shows_a_surprise_with_the_line_of_the_voice(elsewhere: Elsewhere):
    window = await elsewhere.ann.slash(elsewhere.channel, "start")
    begun = await elsewhere.ann.submit_modal(window, {"Surprise me": "yes"})
    panel = await begun.is_done()
    script, *_ = await elsewhere.store.scripts.list_latest_scripts(1)
    lines = await elsewhere.store.lines.load_path(script.head)
    assert [line.credit for line in lines] == [*["On Book"] * 3, "tiny"]
    shown = rest = letters(panel.text)
    # In their order; a short line of the voice may also stand inside an earlier one.
    for line in lines:
        _, found, rest = rest.partition(letters(line.element.body))
        assert found
    assert shown.startswith(letters(f"“{script.title}” starts here."))


async def test_each_person_who_has_installed_it_has_scripts_of_their_own(elsewhere: Elsewhere):
    await elsewhere.begin()
    await elsewhere.ben.install()
    refused = await (await elsewhere.ben.slash(elsewhere.channel, "undo")).shows("No script")
    assert refused.only_for == elsewhere.ben.id
    asked = await elsewhere.ben.slash(elsewhere.channel, "start", title="Ben's", heading="ROOF")
    await asked.shows("Ben's")
    written = await elsewhere.ann.slash(elsewhere.channel, "write", text="MAYA: Rain.")
    assert "The Diner" in (await written.shows("Rain")).text
    listed = await elsewhere.ann.slash(elsewhere.channel, "script list")
    assert "Ben's" not in (await listed.shows("The Diner")).text


async def test_windows_and_menus_write_and_what_needs_a_member_says_so(elsewhere: Elsewhere):
    panel = await elsewhere.begin()
    for command, options in (
        ("continue", {"takes": 3}),
        ("continue", {"takes": 3, "vote": 60}),
        ("script turns", {}),
        ("script fork", {"title": "Fork", "thread": True}),
    ):
        await assert_needs_member(await elsewhere.ann.slash(elsewhere.channel, command, **options))
    menu = await (await elsewhere.ann.click(panel, "More…")).shows("What next")
    await assert_needs_member(await elsewhere.ann.click(menu, "The end"))
    card = await (await elsewhere.ann.click(menu, "Settings")).shows("The settings of")
    [takes] = [custom_id for custom_id in card.menus if "menu-takes" in custom_id]
    await assert_needs_member(await elsewhere.ann.choose(card, takes, "3"))
    await elsewhere.ann.click(menu, "Together…")
    await elsewhere.discord.until(lambda: "Turns" in menu.labels)
    for label in ("Three takes with a vote", "Turns", "Sprint"):
        await assert_needs_member(await elsewhere.ann.click(menu, label))
    assert elsewhere.shown() == STARTED
    opened = await elsewhere.ben.click(panel, "Write")
    written = await elsewhere.ben.submit_modal(opened, {"Who speaks": "Maya", "Text": "Rain."})
    panel = await written.is_done()
    assert elsewhere.shown() == [*STARTED, *RAIN]
    [speakers] = panel.menus
    await elsewhere.ben.choose(panel, speakers, "name:MAYA")
    panel = await elsewhere.next_panel(panel)
    assert panel.text.startswith("**MAYA**")
    menu = await (await elsewhere.ann.click(panel, "More…")).shows("What next")
    lines = next(custom_id for custom_id in menu.menus if "menu-lines" in custom_id)
    await elsewhere.ann.choose(menu, lines, "2")
    await elsewhere.next_panel(panel)
    [moods] = [custom_id for custom_id in card.menus if "menu-mood" in custom_id]
    await (await elsewhere.ann.choose(card, moods, "calm")).shows("Ann set mood to calm.")


async def test_undo_quotes_the_lines_that_can_no_longer_be_edited(elsewhere: Elsewhere):
    await elsewhere.begin()
    await elsewhere.write("MAYA: Rain.\n\nMAYA: Snow.")
    await (await elsewhere.ann.slash(elsewhere.channel, "undo")).is_done()
    assert elsewhere.shown() == [*STARTED, *RAIN, UNDONE]
    await elsewhere.discord.let_time_pass(15 * 60)
    await (await elsewhere.ann.slash(elsewhere.channel, "undo")).shows("Undone: ")
    quoted = "-# Undone: “MAYA\\: Rain\\.”"
    assert elsewhere.shown() == [*STARTED, *RAIN, UNDONE, UNDONE, quoted]
    elsewhere.discord.refusals.clear()  # to edit an answer that is too old


async def test_forgotten_text_leaves_the_answers_that_can_be_edited(elsewhere: Elsewhere):
    await elsewhere.begin()
    await elsewhere.write("MAYA: Rain.")
    await elsewhere.write("Snow.")
    question = await ask_to_forget(elsewhere.ann, elsewhere.channel)
    assert "older answers in places that have not added On Book" in question.text
    asked = await elsewhere.ann.click(question, "Forget me and my text")
    await asked.shows("You are forgotten. Your name and text were removed from 3 lines.")
    forgotten = [STARTED[0], "*…*", "*…*", "*…*"]
    await elsewhere.discord.until(lambda: elsewhere.shown() == forgotten)
    await elsewhere.write("Hail.")  # which removes the panel of the answer above
    assert elsewhere.shown() == [*forgotten, "*Hail\\.*"]


async def test_an_answer_is_read_back_after_a_restart_with_a_restored_backup(
    bare_discord: Discord, chosen: RunnerSettings
):
    async with elsewhere_at(bare_discord, chosen) as elsewhere:
        await elsewhere.begin()
        await (await elsewhere.ann.slash(elsewhere.channel, "continue", lines=2)).is_done()
    await bare_discord.bot_is_gone()
    copy = chosen.database.with_name("backup.db")
    backup(chosen.database, copy)
    restore(chosen.database, copy)
    async with bot_at(bare_discord, chosen) as bot:
        elsewhere.services = bot.services
        await elsewhere.press(elsewhere.ann, "Another take")  # an old line above a new one
        script, *_ = await elsewhere.store.scripts.list_latest_scripts(1)
        _, first, take = await elsewhere.store.lines.load_path(script.head)
        assert first.id < 2**31 < take.id
        await elsewhere.press(elsewhere.ann, "Undo")
        *rows, undone = elsewhere.shown()[len(STARTED) :]
        assert undone == UNDONE
        assert letters("".join(rows)).endswith(letters(first.element.body))


async def test_overlapping_turns_show_each_its_own_change(
    elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
):
    await elsewhere.begin()
    await slow_down(elsewhere.services, monkeypatch)
    for command, options in (
        ("write", {"text": "MAYA: Rain."}),
        ("write", {"text": "Snow."}),
        ("undo", {}),
    ):
        asked = await elsewhere.ann.slash(elsewhere.channel, command, **options)
        await elsewhere.discord.until(lambda asked=asked: asked.how)
    await elsewhere.discord.until(lambda: elsewhere.shown() == [*STARTED, *RAIN, UNDONE])


async def test_a_press_removes_an_old_panel(elsewhere: Elsewhere):
    begun = await elsewhere.begin()
    await elsewhere.discord.let_time_pass(15 * 60)
    await elsewhere.ann.slash(elsewhere.channel, "write", text="MAYA: Rain.")
    await elsewhere.discord.until(lambda: elsewhere.shown() == [*STARTED, *RAIN])
    assert begun.labels
    told = await (await elsewhere.ben.click(begun, "Continue")).shows("The script has moved on.")
    assert (told.only_for, told.labels) == (elsewhere.ben.id, ["Continue from here"])
    assert begun.labels == []
    assert elsewhere.shown() == [*STARTED, *RAIN]
    elsewhere.discord.refusals.clear()  # to edit an answer that is too old


async def test_lines_whose_answer_is_lost_leave_a_panel(elsewhere: Elsewhere):
    panel = await elsewhere.begin()
    await elsewhere.discord.fail(Kind.RESET, "POST", r"/webhooks/\d+/[^/]+$")
    told = await (await elsewhere.ben.click(panel, "Continue")).shows("The script has changed, but")
    assert told.only_for == elsewhere.ben.id
    assert "Another take" in elsewhere.channel.panel().labels
    assert elsewhere.shown() == STARTED


async def test_a_long_turn_shows_its_progress_in_the_panel(
    elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
):
    panel = await elsewhere.begin()
    await slow_down(elsewhere.services, monkeypatch)
    await elsewhere.ann.click(panel, "Continue")
    await elsewhere.discord.until(lambda: panel.labels == ["Stop"])
    await elsewhere.discord.until(lambda: panel.labels == [])
    assert elsewhere.channel.panel().id > panel.id
    asked = await elsewhere.ann.slash(elsewhere.channel, "continue")
    await elsewhere.discord.until(lambda: [reply.labels for reply in asked.answers()] == [["Stop"]])
    await asked.is_done()
