"""Format a poll: several takes in one message, to pick or vote for one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import discord
from discord import ui

from ..i18n.catalogue import many, phrase, say
from ..screenplay.page_layout import lay_out_page
from ..session.polls import count_votes, find_leaders
from ..storage.schema import Line, Poll
from .cards import format_credit, mention
from .components import CUSTOM_ID_PREFIX, ID_PATTERN, make_view
from .markdown import LIMIT, fenced, inline, plain, size
from .script_messages import split_into_messages

CUT_MARK = "\n-# …"
"""Stands below a take that is shown in part."""

TAKE_LINE_SIZE = 150
"""The size of a take once one was chosen."""

TAKE = phrase("Take {take}")
"""The label of a take in the list of takes."""

LABEL_SIZE = 60
"""The size of a take's text in its button, of whose 80 the number and the count need some."""

TAKE_ID = rf"{CUSTOM_ID_PREFIX}ballot:(?P<ballot>{ID_PATTERN}):take:(?P<take>\d{{1,2}})"
READ_TAKE_ID = rf"{CUSTOM_ID_PREFIX}ballot:(?P<ballot>{ID_PATTERN}):read"


def draw_poll(
    poll: Poll, takes: Mapping[int, Sequence[Line]], votes: Mapping[int, int]
) -> tuple[str, ui.View | None]:
    """Return the content of a ballot's message, and the components below.

    There is a button for each take, and where one is cut, a menu to read it whole. A ballot that is
    closed has no components.

    Args:
        poll: The ballot.
        takes: The lines of each take, by its number from 0.
        votes: The takes that people voted for, by the people's ids.
    """
    content = format_poll(poll, takes, votes)
    if poll.closed:
        return content, None
    counts = count_votes(takes, votes.values())
    items: list[ui.Item[ui.View]] = [
        ui.Button(
            label=_format_button(take, lines, counts[take] if poll.ends else None),
            style=discord.ButtonStyle.primary,
            custom_id=f"{CUSTOM_ID_PREFIX}ballot:{poll.id}:take:{take}",
        )
        for take, lines in takes.items()
    ]
    if CUT_MARK in content:
        items.append(
            ui.Select(
                custom_id=f"{CUSTOM_ID_PREFIX}ballot:{poll.id}:read",
                placeholder=say("Read a full take…"),
                options=[
                    discord.SelectOption(label=say(TAKE, take=take + 1), value=str(take))
                    for take in takes
                ],
            )
        )
    return content, make_view(*items)


def _format_button(take: int, lines: Sequence[Line], votes: int | None) -> str:
    """Return the label of a take's button: its number, its text, and how many votes it has."""
    text = plain(lines[0].element.body.replace("\n", " "), LABEL_SIZE)
    label = f"{take + 1} · {text}"
    return label if votes is None else f"{label} — {votes}"


def format_take(take: int, lines: Sequence[Line]) -> list[str]:
    """Return a take, by its number from 0, as messages of at most 2,000 characters each."""
    title = say("**Take {take}**: {credit}", take=take + 1, credit=format_credit(lines))
    first, *rest = split_into_messages((line.element for line in lines), LIMIT - size(title) - 1)
    return [f"{title}\n{first}", *rest]


def format_poll(poll: Poll, takes: Mapping[int, Sequence[Line]], votes: Mapping[int, int]) -> str:
    """Return the takes and their numbers of votes, in at most 2,000 characters.

    The arguments are those of `draw_poll`.
    """
    counts = count_votes(takes, votes.values())
    titles = _format_titles(poll, takes, counts)
    top = _format_closed(poll, counts) if poll.closed else _format_open(poll, len(takes))
    if poll.closed:
        below = [
            _format_take_line(lines, chosen=take == poll.chosen) for take, lines in takes.items()
        ]
    else:
        below = _fit_takes(list(takes.values()), LIMIT - size("\n".join([top, *titles])))
    return "\n".join(
        [top, *(f"{heading}\n{body}" for heading, body in zip(titles, below, strict=True))]
    )


def _format_open(poll: Poll, takes: int) -> str:
    count = many(takes, "take")
    if poll.ends is None:
        asker = mention(poll.asker)
        status = say("{takes}: {asker} or a moderator chooses one.", takes=count, asker=asker)
    else:
        deadline = f"<t:{int(poll.ends.timestamp())}:R>"
        status = say(
            "{takes}: everyone has one vote. Voting ends {when}.", takes=count, when=deadline
        )
    return f"-# {status}"


def _format_closed(poll: Poll, counts: Mapping[int, int]) -> str:
    take, votes = (poll.chosen or 0) + 1, sum(counts.values())
    if poll.ends is None:
        status = say("Take {take} was chosen. See the others in {/script history}.", take=take)
    elif not votes:
        status = say("Nobody voted, so take 1 was chosen. See the others in {/script history}.")
    elif len(find_leaders(counts)) > 1:
        status = say(
            "The vote was a tie, and take {take} was drawn. See the others in {/script history}.",
            take=take,
        )
    else:
        status = say("Take {take} won the vote. See the others in {/script history}.", take=take)
    return f"-# {status}"


def _format_titles(
    poll: Poll, takes: Mapping[int, Sequence[Line]], counts: Mapping[int, int]
) -> list[str]:
    titles = [
        say("**Take {take}**: {credit}", take=take + 1, credit=format_credit(lines))
        for take, lines in takes.items()
    ]
    if not (poll.ends and poll.closed):
        return titles  # the counts of an open vote are in its buttons
    votes = [many(counts[take], "vote") for take in takes]
    return [f"{title}, {count}" for title, count in zip(titles, votes, strict=True)]


def _format_take_line(lines: Sequence[Line], *, chosen: bool) -> str:
    text = inline(" ".join(line.element.one_line for line in lines), TAKE_LINE_SIZE)
    return f"-# {text}" if chosen else f"-# ~~{text}~~"


def _fit_takes(takes: Sequence[Sequence[Line]], space: int) -> list[str]:
    """Return each take as a page, cut so that all pages have room in so many characters.

    A line break stands before and after each page. Short takes leave their room to long ones.
    """
    pages = [fenced(lay_out_page(line.element for line in lines)) for lines in takes]
    by_size = sorted(range(len(takes)), key=lambda n: size(pages[n]))
    for place, n in enumerate(by_size):
        share = space // (len(takes) - place) - 2
        if size(pages[n]) > share:
            elements = (line.element for line in takes[n])
            pages[n] = split_into_messages(elements, share - size(CUT_MARK))[0] + CUT_MARK
        space -= size(pages[n]) + 2
    return pages
