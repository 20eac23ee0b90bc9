"""Let people and the bot react to messages, and tell the bot of it."""

from aiohttp import web

from . import payloads
from .gateway import Gateway
from .rest import BASE, Rest, json_answer
from .state import ADD_REACTIONS, READ_MESSAGE_HISTORY, Json, Message, User


class Reactions:
    """The reactions to messages, and the requests about them."""

    def __init__(self, rest: Rest, gateway: Gateway) -> None:
        self.rest = rest
        self.world = rest.world
        self.gateway = gateway

    def routes(self) -> list[web.RouteDef]:
        reaction = f"{BASE}/channels/{{channel}}/messages/{{message}}/reactions/{{emoji}}"
        return [web.put(f"{reaction}/@me", self.react), web.get(reaction, self.users)]

    async def react(self, request: web.Request) -> web.Response:
        """Let the bot react; a new reaction needs permissions, except in direct messages."""
        message, emoji = self.rest.in_channel(request), request.match_info["emoji"]
        channel = self.world.channels[message.channel]
        if channel.guild:
            self.world.require(channel, READ_MESSAGE_HISTORY)
            if not message.reactions.get(emoji):
                self.world.require(channel, ADD_REACTIONS)
        self.add(message, emoji, self.world.bot)
        return web.Response(status=204)

    async def users(self, request: web.Request) -> web.Response:
        """Return the users who reacted with an emoji, after a given one by their ids."""
        message = self.rest.in_channel(request)
        after, limit = int(request.query.get("after", 0)), int(request.query.get("limit", 25))
        found = sorted(message.reactions.get(request.match_info["emoji"], []))
        later = [self.world.users[person] for person in found if person > after]
        return json_answer([payloads.user(self.world, user) for user in later[:limit]])

    def add(self, message: Message, emoji: str, user: User) -> None:
        """Add a user's reaction, unless it is there."""
        users = message.reactions.setdefault(emoji, [])
        if user.id in users:
            return
        users.append(user.id)
        told = self._describe(message, emoji, user)
        if "guild_id" in told:
            told["member"] = payloads.member(self.world, user)
        self._tell(message, "MESSAGE_REACTION_ADD", told)

    def remove(self, message: Message, emoji: str, user: User) -> None:
        """Take a user's reaction away, if it is there."""
        users = message.reactions.get(emoji, [])
        if user.id in users:
            users.remove(user.id)
            told = self._describe(message, emoji, user)
            self._tell(message, "MESSAGE_REACTION_REMOVE", told)

    def clear(self, message: Message, emoji: str | None = None) -> None:
        """Take all reactions of a message away, or those with an emoji."""
        event = "MESSAGE_REACTION_REMOVE_EMOJI" if emoji else "MESSAGE_REACTION_REMOVE_ALL"
        for taken in [emoji] if emoji else list(message.reactions):
            message.reactions.pop(taken, None)
        self._tell(message, event, self._describe(message, emoji))

    def _describe(self, message: Message, emoji: str | None, user: User | None = None) -> Json:
        guild = self.world.channels[message.channel].guild
        return {
            "channel_id": str(message.channel),
            "message_id": str(message.id),
            **({"guild_id": str(guild)} if guild else {}),
            **({"emoji": {"id": None, "name": emoji}} if emoji else {}),
            **({"user_id": str(user.id), "type": 0, "burst": False} if user else {}),
        }

    def _tell(self, message: Message, event: str, told: Json) -> None:
        self.world.tell("reactions", message)
        where = self.world.channels[message.channel]
        if self.world.bot_sees(where):
            self.gateway.dispatch(event, where.guild, told)
