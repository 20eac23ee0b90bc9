"""Check who may do what with a script, and hold the context of one turn."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..errors import NotTheirs, PersonId, RequestError, VoteOpen
from ..i18n.catalogue import Phrase, count_wait, phrase
from ..screenplay.drafts import ERASED_PERSON
from ..storage.schema import ON_BOOK, ROOT_LINE, Line, Poll, Rotation, Script, utc_now
from ..storage.store import Store
from .preferences import ALTERNATE, COOLDOWN, ROLE, SPECS
from .rate_limits import Cost, RateLimits
from .turn import Requester, TurnResult

A_MODERATOR = phrase("a moderator")

COPIES_PER_LINE = 500
"""The number of copied lines that cost as much as one line that the model writes."""


def check_may_write(script: Script, requester: Requester) -> None:
    """Raise RequestError for a requester who lacks the role that a script is limited to."""
    role = ROLE.of(script)
    if role is None or requester.moderator or role in requester.roles:
        return
    raise RequestError(
        "“{title}” is limited to a role that you do not have. Ask a moderator, or use "
        "{/start} in another channel.",
        title=script.title,
    )


def check_may_remove(script: Script, line: Line, requester: Requester, act: Phrase) -> None:
    """Raise NotTheirs for a requester who may neither take a line back nor rewrite it.

    A model's line belongs to everybody, as does an opening that was drawn. A person's line belongs
    to its author, whoever added it, the script's owner and the moderators.
    """
    if line.author in (None, ON_BOOK) or requester.id in (line.author, line.asker):
        return
    if is_manager(script, requester):
        return
    raise NotTheirs(
        script=script.id,
        head=script.head or line.id,
        line=line.id,
        author=line.author,
        name=PersonId(line.author) if line.imported else line.writer,
        act=act,
        deciders=_name_deciders(script, line.author),
    )


def _name_deciders(script: Script, person: int | None) -> Phrase:
    """Return who decides on what belongs to a person: nobody twice, and nobody who was erased."""
    if person == ERASED_PERSON:
        is_orphan = script.owner == ERASED_PERSON
        return A_MODERATOR if is_orphan else phrase("the script's owner or a moderator")
    if script.owner in (person, ERASED_PERSON):
        return phrase("them or a moderator")
    return phrase("them, the script's owner or a moderator")


def check_may_rewrite(script: Script, line: Line, requester: Requester) -> None:
    check_may_write(script, requester)
    check_may_remove(script, line, requester, phrase("change"))


def check_may_manage(script: Script, requester: Requester, act: Phrase) -> None:
    """Raise RequestError for a requester who is neither a script's owner nor a moderator.

    The error says what only they can do: to ``act`` on the script.
    """
    if not is_manager(script, requester):
        raise RequestError(
            "Only the script's owner or a moderator (Manage Messages) can {act}. Ask {owner}.",
            act=act,
            owner=A_MODERATOR if script.owner == ERASED_PERSON else PersonId(script.owner),
        )


def check_may_change(script: Script, names: Iterable[str], requester: Requester) -> None:
    """Raise RequestError for a requester who may not change all of these preferences."""
    check_may_manage(script, requester, phrase("change its settings"))
    for spec in (SPECS[name] for name in names):
        if spec.is_moderated and not requester.moderator:
            raise RequestError(
                "Only a moderator (Manage Messages) can change the setting “{setting}”. Ask one.",
                setting=spec.label,
            )


def check_may_recast(
    script: Script, character: str, player: int | None, requester: Requester
) -> None:
    """Raise RequestError for a requester who may not give a character another player.

    Anybody may recast a free character. A character with a player may be recast by that player, the
    script's owner and the moderators.
    """
    current = script.players.get(character)
    if current in (None, player, requester.id) or is_manager(script, requester):
        return
    raise RequestError(
        "{person} plays {name}. Ask {deciders}.",
        person=PersonId(current),
        name=character,
        deciders=_name_deciders(script, current),
    )


def check_may_pick(poll: Poll, requester: Requester) -> None:
    """Raise RequestError for a requester who neither asked for the takes nor is a moderator."""
    if requester.id != poll.asker and not requester.moderator:
        raise RequestError(
            "Only a moderator (Manage Messages) or whoever requested these takes can choose. "
            "Press **Three takes** to get your own."
        )


def check_turn(rotation: Rotation | None, script: Script, requester: Requester) -> None:
    """Raise RequestError if it is another person's turn to write.

    The script's owner and moderators may write at any time.
    """
    if rotation is None or rotation.writers[0] == requester.id or is_manager(script, requester):
        return
    person = PersonId(rotation.writers[0])
    if requester.id in rotation.writers:
        raise RequestError(
            "It is {person}'s turn. Wait for yours, or see the order with {/script turns}.",
            person=person,
        )
    raise RequestError(
        "It is {person}'s turn. To get turns too, join the order with {/script turns}.",
        person=person,
    )


def is_manager(script: Script, requester: Requester) -> bool:
    """Return whether a requester is a script's owner or a moderator.

    Direct messages have no moderators, so a script there whose owner was erased belongs to
    everybody.
    """
    is_orphan = script.guild is None and script.owner == ERASED_PERSON
    return requester.moderator or requester.id == script.owner or is_orphan


@dataclass(frozen=True)
class TurnContext:
    """One person's turn on a script, whose row was read when the turn began.

    The row is not read again: the store moves the head only from where this row has it.
    """

    store: Store
    script: Script
    requester: Requester
    banned: tuple[str, ...]
    """The banned words that apply to the script."""
    rotation: Rotation | None
    """The order in which people write, or None if everybody may."""
    vote_ends: dt.datetime | None
    """When the vote on how the script continues from here ends; None without a vote."""
    limits: RateLimits

    def charge_lines(self, lines: float) -> None:
        """Charge for lines that the model will write; raise RateLimited at a limit.

        Candidates cost nothing, because a busy engine writes few of them.
        """
        script = self.script
        self.limits.charge(self.requester.id, script.channel, script.guild, Cost(lines=lines))

    async def charge_copies(self, line: Line) -> None:
        """Charge for copies of the lines that follow a line; raise RateLimited at a limit."""
        path = await self.store.lines.load_path_ids(self.script.head, line.id)
        self.charge_lines((len(path) - 1) / COPIES_PER_LINE)

    def check_vote(self) -> None:
        """Raise VoteOpen while people vote, unless the requester has said to go on anyway."""
        if self.vote_ends and not self.requester.ignores_vote:
            line = self.script.head or ROOT_LINE
            raise VoteOpen(ends=self.vote_ends, script=self.script.id, line=line)

    async def check_may_add(self, *, rewrites: bool = False) -> None:
        """Raise RequestError for a requester who may not add a line, or not yet.

        The script may be limited to a role, let people write in order, or have a cooldown. A
        requester who ``rewrites`` a line may still do so in one line.
        """
        check_may_write(self.script, self.requester)
        check_turn(self.rotation, self.script, self.requester)
        cooldown = COOLDOWN.of(self.script)
        if not cooldown:
            return
        person = self.requester.id
        last = await self.store.lines.find_last_request_time(self.script.id, person)
        last = last or self.limits.forgotten.get(person)
        if last is None:
            return
        passed = (utc_now() - last).total_seconds()
        left = cooldown - passed
        # The last request is in the future if the machine's clock has been put back since then.
        if passed >= 0 and left > 0:
            sentence = phrase("This script has a cooldown. Try again in {wait}.")
            if rewrites:
                sentence = phrase(
                    "This script has a cooldown, and your text makes several lines. Make it a "
                    "single line, or try again in {wait}."
                )
            raise RequestError(sentence, wait=count_wait(left))

    async def check_alternation(self, author: Requester) -> None:
        """Raise RequestError if the script alternates and the author also wrote the last line."""
        if not ALTERNATE.of(self.script):
            return
        last = await self.store.lines.find_line(self.script.head or ROOT_LINE)
        if last is None:
            return
        forgotten = self.limits.forgotten.get(author.id)
        may_be_theirs = last.author == ERASED_PERSON and forgotten and forgotten >= last.written
        if last.author == author.id or may_be_theirs:
            raise RequestError(
                "Nobody may write twice in a row here. Wait for somebody else, or use {/continue}."
            )

    async def load_last_line(self) -> Line:
        """Return the script's last line; raise RequestError if there is none."""
        line = await self.store.lines.find_line(self.script.head or ROOT_LINE)
        if line is None:
            raise RequestError("The script is empty. Write a line, or use {/continue}.")
        return line

    def make_result(self, head: int | None, lines: Sequence[Line] = ()) -> TurnResult:
        """Return the result of a turn that has moved the head, with the lines that it added."""
        return TurnResult(self.copy_script(head), list(lines), self.script)

    def copy_script(self, head: int | None) -> Script:
        """Return the script as it is once the head has moved, without reading its row again."""
        columns = {
            column.key: getattr(self.script, column.key) for column in Script.__table__.columns
        }
        return Script(**columns | {"head": head})
