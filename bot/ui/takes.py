"""Takes: several ways for a script to go on, in one message, with a button for each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import discord
from discord import ui

from ..i18n.catalogue import many, phrase, say
from ..i18n.markdown import LIMIT, fenced, inline, size
from ..screenplay.page_layout import page
from ..session.ballots import count_votes
from ..storage.schema import Ballot, Line
from .cards import credited, mention
from .components import Interaction, desk
from .script_messages import messages

CUT = "\n-# …"
"""Stands below a take of which only the beginning has room."""

ON_ONE_LINE = 150
"""The size of a take once one was chosen."""


TAKE, VOTE = phrase("Take {take}"), phrase("Vote for {take}")
"""What is done with a take when its button is pressed."""


class TakeButton(
    ui.DynamicItem[ui.Button[ui.View]],
    template=r"onbook:ballot:(?P<ballot>\d{1,18}):take:(?P<take>\d{1,2})",
):
    """A button for a take of a ballot, counted from 0."""

    def __init__(self, ballot: int, take: int, label: str = TAKE) -> None:
        super().__init__(
            ui.Button(
                label=say(label, take=take + 1),
                style=discord.ButtonStyle.primary,
                custom_id=f"onbook:ballot:{ballot}:take:{take}",
            )
        )
        self.ballot = ballot
        self.take = take

    @classmethod
    async def from_custom_id(
        cls, interaction: Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Makes the button again from its id."""
        return cls(int(match["ballot"]), int(match["take"]))

    async def callback(self, interaction: Interaction) -> None:
        """Passes the press on."""
        await desk(interaction).choose(interaction, self.ballot, self.take)


class TakeMenu(
    ui.DynamicItem[ui.Select[ui.View]], template=r"onbook:ballot:(?P<ballot>\d{1,18}):read"
):
    """A menu of takes to be read whole, where only their beginnings have room."""

    def __init__(self, ballot: int, takes: Iterable[int] = ()) -> None:
        options = [
            discord.SelectOption(label=say(TAKE, take=take + 1), value=str(take)) for take in takes
        ]
        super().__init__(
            ui.Select(
                custom_id=f"onbook:ballot:{ballot}:read",
                placeholder=say("Read a take whole…"),
                options=options,
            )
        )
        self.ballot = ballot

    @classmethod
    async def from_custom_id(
        cls, interaction: Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Makes the menu again from its id."""
        return cls(int(match["ballot"]))

    async def callback(self, interaction: Interaction) -> None:
        """Passes the choice on."""
        await desk(interaction).read_take(interaction, self.ballot, int(self.item.values[0]))


DYNAMIC = (TakeButton, TakeMenu)
"""What must be known to a client, so that what was shown before a restart works."""


def drawn(
    ballot: Ballot, takes: Mapping[int, Sequence[Line]], votes: Mapping[int, int]
) -> tuple[str, ui.View | None]:
    """The message of a ballot: its content, as `shown`, and what can be pressed below.

    That is a button for each take, and a menu to read one whole where one is cut; nothing once one
    was chosen.
    """
    content = shown(ballot, takes, votes)
    if ballot.closed:
        return content, None
    view = ui.View(timeout=None)
    for take in takes:
        view.add_item(TakeButton(ballot.id, take, VOTE if ballot.ends else TAKE))
    if CUT in content:
        view.add_item(TakeMenu(ballot.id, takes))
    return content, view


def whole(take: int, lines: Sequence[Line]) -> list[str]:
    """A take, from 0, as messages of at most 2,000 characters each."""
    title = say("**Take {take}**: {credit}", take=take + 1, credit=credited(lines))
    first, *rest = messages((line.element for line in lines), LIMIT - size(title) - 1)
    return [f"{title}\n{first}", *rest]


def shown(ballot: Ballot, takes: Mapping[int, Sequence[Line]], votes: Mapping[int, int]) -> str:
    """The takes, and how many are for each; ``votes`` are people's. At most 2,000 characters."""
    titles = _titles(ballot, takes, count_votes(takes, votes.values()))
    top = _closed(ballot, len(votes)) if ballot.closed else _open(ballot, len(takes))
    if ballot.closed:
        below = [_line(lines, chosen=take == ballot.chosen) for take, lines in takes.items()]
    else:
        below = _pages(list(takes.values()), LIMIT - size("\n".join([top, *titles])))
    return "\n".join([top, *(f"{one}\n{it}" for one, it in zip(titles, below, strict=True))])


def _open(ballot: Ballot, takes: int) -> str:
    there = many(takes, "take")
    if ballot.ends is None:
        asker = mention(ballot.asker)
        how = say("{takes}: {asker} or a moderator picks one.", takes=there, asker=asker)
    else:
        when = f"<t:{int(ballot.ends.timestamp())}:R>"
        how = say("{takes}: everybody has one vote. It ends {when}.", takes=there, when=when)
    return f"-# {how}"


def _closed(ballot: Ballot, votes: int) -> str:
    take = (ballot.chosen or 0) + 1
    if ballot.ends is None:
        how = say("Take {take} was picked. {/history} goes to the others.", take=take)
    elif not votes:
        how = say("Nobody voted, which leaves the first take. {/history} goes to the others.")
    else:
        how = say("Take {take} won the vote. {/history} goes to the others.", take=take)
    return f"-# {how}"


def _titles(
    ballot: Ballot, takes: Mapping[int, Sequence[Line]], counts: Mapping[int, int]
) -> list[str]:
    titles = [
        say("**Take {take}**: {credit}", take=take + 1, credit=credited(lines))
        for take, lines in takes.items()
    ]
    if not ballot.ends:
        return titles
    votes = [many(counts[take], "vote") for take in takes]
    return [f"{title}, {its}" for title, its in zip(titles, votes, strict=True)]


def _line(lines: Sequence[Line], *, chosen: bool) -> str:
    text = inline(" ".join(line.element.one_line for line in lines), ON_ONE_LINE)
    return f"-# {text}" if chosen else f"-# ~~{text}~~"


def _pages(takes: Sequence[Sequence[Line]], room: int) -> list[str]:
    """Each take as a page; all of them, with a line break before and after, in so many characters.

    What a short one leaves is for the longer ones.
    """
    whole = [fenced(page(line.element for line in lines)) for lines in takes]
    by_size = sorted(range(len(takes)), key=lambda n: size(whole[n]))
    for place, n in enumerate(by_size):
        share = room // (len(takes) - place) - 2
        if size(whole[n]) > share:
            elements = (line.element for line in takes[n])
            whole[n] = messages(elements, share - size(CUT))[0] + CUT
        room -= size(whole[n]) + 2
    return whole
