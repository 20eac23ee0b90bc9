"""Answer a bot's requests about webhooks, which post under other names and pictures."""

from aiohttp import web

from . import payloads, rules
from .gateway import Gateway
from .rest import BASE, Rest, json_answer, json_body
from .state import MANAGE_WEBHOOKS, Channel, Message, Refused, Webhook


class Webhooks:
    """The requests about webhooks. A webhook's token replaces the bot's."""

    def __init__(self, rest: Rest, gateway: Gateway) -> None:
        self.rest = rest
        self.world = rest.world
        self.gateway = gateway

    def routes(self) -> list[web.RouteDef]:
        in_channel = f"{BASE}/channels/{{channel}}/webhooks"
        hook = f"{BASE}/webhooks/{{webhook}}/{{token}}"
        message = f"{hook}/messages/{{message}}"
        return [
            web.post(in_channel, self.create_webhook),
            web.get(in_channel, self.webhooks),
            web.post(hook, self.execute),
            web.delete(hook, self.delete_webhook),
            web.patch(message, self.edit_webhook_message),
            web.delete(message, self.delete_webhook_message),
        ]

    async def create_webhook(self, request: web.Request) -> web.Response:
        """Make a webhook of the bot's application."""
        channel = self.world.channel(int(request.match_info["channel"]))
        self.world.require(channel, MANAGE_WEBHOOKS)
        body, _ = await json_body(request)
        name = rules.clean_webhook_name(body.get("name"), "name")
        made = self.make(channel, name, self.world.bot.id)
        return json_answer(payloads.webhook(self.world, made))

    def make(self, channel: Channel, name: str, by: int) -> Webhook:
        """Make a webhook; raise Refused if the channel cannot have another one."""
        there = [hook for hook in self.world.webhooks.values() if hook.channel == channel.id]
        if len(there) >= rules.WEBHOOKS:
            raise Refused(400, 30007, f"Maximum number of webhooks reached ({rules.WEBHOOKS})")
        made = Webhook(self.world.new_id(), channel.id, name, by)
        self.world.webhooks[made.id] = made
        self._tell(channel)
        return made

    async def webhooks(self, request: web.Request) -> web.Response:
        """Return the webhooks of a channel."""
        channel = self.world.channel(int(request.match_info["channel"]))
        self.world.require(channel, MANAGE_WEBHOOKS)
        found = [hook for hook in self.world.webhooks.values() if hook.channel == channel.id]
        return json_answer([payloads.webhook(self.world, hook) for hook in found])

    async def delete_webhook(self, request: web.Request) -> web.Response:
        self.remove(self._webhook(request))
        return web.Response(status=204)

    def remove(self, webhook: Webhook) -> None:
        """Delete a webhook; its messages stay."""
        del self.world.webhooks[webhook.id]
        self._tell(self.world.channels[webhook.channel])

    def move(self, webhook: Webhook, channel: Channel) -> None:
        """Let a webhook post in another channel; its messages stay."""
        before, webhook.channel = webhook.channel, channel.id
        self._tell(self.world.channels[before])
        self._tell(channel)

    def _tell(self, channel: Channel) -> None:
        """Tell the bot that a channel's webhooks have changed, but not how."""
        told = {"guild_id": str(channel.guild), "channel_id": str(channel.id)}
        self.gateway.dispatch("WEBHOOKS_UPDATE", channel.guild, told)

    def _webhook(self, request: web.Request) -> Webhook:
        """Find a request's webhook, whose token it must have."""
        where = request.match_info
        found = self.world.webhooks.get(int(where["webhook"]))
        if found is None:
            raise Refused(404, 10015, "Unknown Webhook")
        if where["token"] != found.token:
            raise Refused(401, 50027, "Invalid Webhook Token")
        return found

    # Messages

    async def execute(self, request: web.Request) -> web.Response:
        """Post a message with the name and the picture of the request."""
        webhook = self._webhook(request)
        body, files = await json_body(request)
        name, avatar = body.get("username"), body.get("avatar_url")
        author = webhook.name if name is None else rules.clean_webhook_name(name, "username")
        rules.check(not avatar or str(avatar).startswith(("http://", "https://")), "avatar_url")
        version = self.rest.version(body, files)
        message = self.world.post(
            webhook.channel, version, author, webhook=webhook.id, avatar=avatar
        )
        if request.query.get("wait") not in ("1", "true"):
            return web.Response(status=204)
        return self.rest.shown(message)

    async def edit_webhook_message(self, request: web.Request) -> web.Response:
        """Edit a webhook's message; its name and picture stay."""
        message = self._message(request)
        body, files = await json_body(request)
        self.world.edit(message, self.rest.version(body, files, message))
        return self.rest.shown(message)

    async def delete_webhook_message(self, request: web.Request) -> web.Response:
        self.world.delete(self._message(request))
        return web.Response(status=204)

    def _message(self, request: web.Request) -> Message:
        """Find a message that the webhook of the request posted."""
        webhook = self._webhook(request)
        message = self.world.find_message(int(request.match_info["message"]))
        if message.webhook != webhook.id:
            raise Refused(404, 10008, "Unknown Message")
        return message
