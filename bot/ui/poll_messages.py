"""Ballots: several takes in one message, of which one is picked or voted for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import discord
from discord import ui

from ..i18n.catalogue import many, phrase, say
from ..i18n.markdown import LIMIT, fenced, inline, size
from ..screenplay.page_layout import page
from ..session.polls import count_votes
from ..storage.schema import Ballot, Line
from .cards import credited, mention
from .components import ID, OWN, view_of
from .script_messages import messages

CUT = "\n-# …"
"""Stands below a take that is shown in part."""

ON_ONE_LINE = 150
"""The size of a take once one was chosen."""

TAKE, VOTE = phrase("Take {take}"), phrase("Vote for {take}")
"""The labels of a take's button: to pick the take, and to vote for it."""

TAKE_ID = rf"{OWN}ballot:(?P<ballot>{ID}):take:(?P<take>\d{{1,2}})"
WHOLE_ID = rf"{OWN}ballot:(?P<ballot>{ID}):read"


def draw_ballot(
    ballot: Ballot, takes: Mapping[int, Sequence[Line]], votes: Mapping[int, int]
) -> tuple[str, ui.View | None]:
    """Return the content of a ballot's message, and the components below.

    There is a button for each take, and where one is cut, a menu to read it whole. A ballot that is
    closed has no components.

    Args:
        ballot: The ballot.
        takes: The lines of each take, by its number from 0.
        votes: The takes that people voted for, by the people's ids.
    """
    content = ballot_text(ballot, takes, votes)
    if ballot.closed:
        return content, None
    items: list[ui.Item[ui.View]] = [
        ui.Button(
            label=say(VOTE if ballot.ends else TAKE, take=take + 1),
            style=discord.ButtonStyle.primary,
            custom_id=f"{OWN}ballot:{ballot.id}:take:{take}",
        )
        for take in takes
    ]
    if CUT in content:
        items.append(
            ui.Select(
                custom_id=f"{OWN}ballot:{ballot.id}:read",
                placeholder=say("Read a take whole…"),
                options=[
                    discord.SelectOption(label=say(TAKE, take=take + 1), value=str(take))
                    for take in takes
                ],
            )
        )
    return content, view_of(*items)


def whole_take(take: int, lines: Sequence[Line]) -> list[str]:
    """Return a take, by its number from 0, as messages of at most 2,000 characters each."""
    title = say("**Take {take}**: {credit}", take=take + 1, credit=credited(lines))
    first, *rest = messages((line.element for line in lines), LIMIT - size(title) - 1)
    return [f"{title}\n{first}", *rest]


def ballot_text(
    ballot: Ballot, takes: Mapping[int, Sequence[Line]], votes: Mapping[int, int]
) -> str:
    """Return the takes and their numbers of votes, in at most 2,000 characters.

    The arguments are those of `draw_ballot`.
    """
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
    """Return each take as a page, cut so that all pages have room in so many characters.

    A line break stands before and after each page. Short takes leave their room to long ones.
    """
    pages = [fenced(page(line.element for line in lines)) for lines in takes]
    by_size = sorted(range(len(takes)), key=lambda n: size(pages[n]))
    for place, n in enumerate(by_size):
        share = room // (len(takes) - place) - 2
        if size(pages[n]) > share:
            elements = (line.element for line in takes[n])
            pages[n] = messages(elements, share - size(CUT))[0] + CUT
        room -= size(pages[n]) + 2
    return pages
