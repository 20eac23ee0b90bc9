"""Answer requests about the emojis of the bot's application."""

from __future__ import annotations

from aiohttp import web

from . import payloads, rules
from .rest import BASE, json_answer, json_body
from .state import Emoji, World


class Emojis:
    """The requests about the application's emojis."""

    def __init__(self, world: World) -> None:
        self.world = world

    def routes(self) -> list[web.RouteDef]:
        emojis = f"{BASE}/applications/{{application}}/emojis"
        return [
            web.get(emojis, self.emojis),
            web.post(emojis, self.create_emoji),
        ]

    async def emojis(self, _request: web.Request) -> web.Response:
        found = self.world.emojis.values()
        return json_answer({"items": [payloads.emoji(self.world, emoji) for emoji in found]})

    async def create_emoji(self, request: web.Request) -> web.Response:
        body, _ = await json_body(request)
        image = rules.parse_image(body.get("image"))
        rules.check_emoji(
            body.get("name"), image, (emoji.name for emoji in self.world.emojis.values())
        )
        made = Emoji(self.world.new_id(), body["name"])
        self.world.emojis[made.id] = made
        return json_answer(payloads.emoji(self.world, made), 201)
