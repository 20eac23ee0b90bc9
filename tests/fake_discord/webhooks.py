"""Webhooks: by which a bot posts under other names and pictures than its own."""

from __future__ import annotations

from aiohttp import web

from . import payloads, rules
from .rest import BASE, Rest, json_answer, json_body
from .state import MANAGE_WEBHOOKS, Message, Refused, Webhook


class Webhooks:
    """The requests about the bot's webhooks. Those with a webhook's token need no other."""

    def __init__(self, rest: Rest) -> None:
        self.rest = rest
        self.world = rest.world

    def routes(self) -> list[web.RouteDef]:
        in_channel = f"{BASE}/channels/{{channel}}/webhooks"
        hook = f"{BASE}/webhooks/{{webhook}}/{{token}}"
        message = f"{hook}/messages/{{message}}"
        return [
            web.post(in_channel, self.create_webhook),
            web.get(in_channel, self.webhooks),
            web.post(hook, self.execute),
            web.patch(message, self.edit_webhook_message),
            web.delete(message, self.delete_webhook_message),
        ]

    async def create_webhook(self, request: web.Request) -> web.Response:
        """Make a webhook of the bot's application."""
        channel = self.world.channel(int(request.match_info["channel"]))
        self.world.require(channel, MANAGE_WEBHOOKS)
        body, _ = await json_body(request)
        name = rules.webhook_name(body.get("name"), "name")
        if len(self._in(channel.id)) >= rules.WEBHOOKS:
            raise Refused(400, 30007, f"Maximum number of webhooks reached ({rules.WEBHOOKS})")
        made = Webhook(self.world.new_id(), channel.id, name)
        self.world.webhooks[made.id] = made
        return json_answer(payloads.webhook(self.world, made))

    async def webhooks(self, request: web.Request) -> web.Response:
        channel = self.world.channel(int(request.match_info["channel"]))
        self.world.require(channel, MANAGE_WEBHOOKS)
        return json_answer([payloads.webhook(self.world, one) for one in self._in(channel.id)])

    def _in(self, channel: int) -> list[Webhook]:
        return [one for one in self.world.webhooks.values() if one.channel == channel]

    def _webhook(self, request: web.Request) -> Webhook:
        """Find the webhook of a request, which has the webhook's token."""
        where = request.match_info
        found = self.world.webhooks.get(int(where["webhook"]))
        if found is None:
            raise Refused(404, 10015, "Unknown Webhook")
        if where["token"] != found.token:
            raise Refused(401, 50027, "Invalid Webhook Token")
        return found

    # Messages

    async def execute(self, request: web.Request) -> web.Response:
        """Post a message under the name and the picture that the request gives it."""
        webhook = self._webhook(request)
        body, files = await json_body(request)
        name, avatar = body.get("username"), body.get("avatar_url")
        author = webhook.name if name is None else rules.webhook_name(name, "username")
        rules.check(not avatar or str(avatar).startswith(("http://", "https://")), "avatar_url")
        message = self.world.post(
            webhook.channel,
            self.rest.version(body, files),
            webhook=webhook,
            author=author,
            avatar=avatar,
        )
        if request.query.get("wait") not in ("1", "true"):
            return web.Response(status=204)
        return self.rest.shown(message)

    async def edit_webhook_message(self, request: web.Request) -> web.Response:
        """Edit a message of a webhook; its name and picture stay."""
        message = self._message(request)
        body, files = await json_body(request)
        self.world.edit(message, self.rest.version(body, files, message))
        return self.rest.shown(message)

    async def delete_webhook_message(self, request: web.Request) -> web.Response:
        self.world.delete(self._message(request))
        return web.Response(status=204)

    def _message(self, request: web.Request) -> Message:
        """Find a message that this very webhook posted."""
        message = self.world.find_message(int(request.match_info["message"]))
        if message.webhook != self._webhook(request).id:
            raise Refused(404, 10008, "Unknown Message")
        return message
