"""Answer requests about the emojis of the bot's application, and serve their images."""

from __future__ import annotations

from aiohttp import web

from . import payloads, rules
from .rest import BASE, json_answer, json_body
from .state import Emoji, Refused, World


class Emojis:
    """The requests about the application's emojis."""

    def __init__(self, world: World) -> None:
        self.world = world

    def routes(self) -> list[web.RouteDef]:
        emojis = f"{BASE}/applications/{{application}}/emojis"
        return [
            web.get(emojis, self.emojis),
            web.post(emojis, self.create_emoji),
            web.get(emojis + "/{emoji}", self.emoji),
            web.delete(emojis + "/{emoji}", self.delete_emoji),
            web.get(r"/emojis/{emoji:\d+}.{format}", self.image),
        ]

    async def emojis(self, _request: web.Request) -> web.Response:
        found = self.world.emojis.values()
        return json_answer({"items": [payloads.emoji(self.world, one) for one in found]})

    async def create_emoji(self, request: web.Request) -> web.Response:
        body, _ = await json_body(request)
        image, kind = rules.parse_image(body.get("image"))
        rules.check_emoji(body.get("name"), image, (one.name for one in self.world.emojis.values()))
        made = Emoji(self.world.new_id(), body["name"], image, kind)
        self.world.emojis[made.id] = made
        return json_answer(payloads.emoji(self.world, made), 201)

    async def emoji(self, request: web.Request) -> web.Response:
        return json_answer(payloads.emoji(self.world, self._emoji(request)))

    async def delete_emoji(self, request: web.Request) -> web.Response:
        del self.world.emojis[self._emoji(request).id]
        return web.Response(status=204)

    async def image(self, request: web.Request) -> web.Response:
        """Return an emoji's image as it was uploaded, in any requested format."""
        found = self.world.emojis.get(int(request.match_info["emoji"]))
        if found is None:
            return web.Response(status=404)
        return web.Response(body=found.image, content_type=found.format)

    def _emoji(self, request: web.Request) -> Emoji:
        found = self.world.emojis.get(int(request.match_info["emoji"]))
        if found is None:
            raise Refused(404, 10014, "Unknown Emoji")
        return found
