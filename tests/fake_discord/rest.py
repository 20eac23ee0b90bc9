"""Answer a bot's requests over HTTP, as Discord's REST API does."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aiohttp import web

from . import payloads, rules
from .conditions import IN_CHANNEL, INVALID, ROUTES, Bucket
from .state import (
    COMPONENTS_V2,
    EPHEMERAL,
    MANAGE_MESSAGES,
    READ_MESSAGE_HISTORY,
    TOKEN,
    Answer,
    Channel,
    Install,
    Interaction,
    Json,
    Message,
    Refused,
    Version,
    World,
)

BASE = "/api/v10"

TOO_MANY = 429

NO_LIMIT = {"X-RateLimit-Limit": "5", "X-RateLimit-Remaining": "4", "X-RateLimit-Reset-After": "1"}
"""The headers of an answer without a limit.

Without them, discord.py would send its requests one after the other.
"""

EDITABLE = ("content", "components")

OF_INTERACTION = "aW50ZXJhY3Rpb246"
"""The beginning of an interaction's token, which distinguishes it from a webhook's."""

FOLLOW_UPS = 5
"""The most follow-ups to an interaction if only the person has installed the bot."""


class Rest:
    """The part of Discord's HTTP API that the bot uses."""

    def __init__(self, world: World) -> None:
        self.world = world

    def routes(self) -> list[web.RouteDef]:
        command = f"{BASE}/applications/{{application}}/commands"
        emojis = f"{BASE}/applications/{{application}}/emojis"
        hook = f"{BASE}/webhooks/{{application}}/{{token:{OF_INTERACTION}[^/]+}}"
        channel = f"{BASE}/channels/{{channel}}/messages"
        return [
            web.get(f"{BASE}/users/@me", self.me),
            web.get(f"{BASE}/users/@me/guilds", self.guilds),
            web.post(f"{BASE}/users/@me/channels", self.open_private),
            web.get(f"{BASE}/oauth2/applications/@me", self.application),
            web.get(f"{BASE}/gateway/bot", self.gateway),
            web.get(command, self.commands),
            web.put(command, self.register),
            web.get(emojis, self.emojis),
            web.post(emojis, self.create_emoji),
            web.post(f"{BASE}/interactions/{{id}}/{{token}}/callback", self.answer),
            web.post(hook, self.follow_up),
            web.patch(hook + "/messages/{message}", self.edit_answer),
            web.delete(hook + "/messages/{message}", self.delete_answer),
            web.get(channel, self.history),
            web.post(channel, self.send),
            web.get(channel + "/{message}", self.message),
            web.patch(channel + "/{message}", self.edit),
            web.delete(channel + "/{message}", self.delete),
            web.post(f"{BASE}/channels/{{channel}}/typing", self.type),
            web.get("/files/{file}/{name}", self.file),
        ]

    @web.middleware
    async def refusing(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Answer a refused request as Discord does, and record the refusal."""
        if not request.path.startswith(BASE):
            return await handler(request)
        try:
            _authorise(request)
            return await handler(request)
        except Refused as refused:
            self._note(request, refused)
            return json_answer(refused.to_json(), refused.status)

    @web.middleware
    async def travelling(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Delay a request and its answer as the conditions say."""
        seconds = self.world.conditions.latency() / 2
        if not seconds or not request.path.startswith(BASE):
            return await handler(request)
        await asyncio.sleep(seconds)
        answer = await handler(request)
        await asyncio.sleep(seconds)
        return answer

    @web.middleware
    async def limiting(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Answer a request above a rate limit as Discord does, and count every answer."""
        if not request.path.startswith(BASE):
            return await handler(request)
        conditions = self.world.conditions
        if conditions.limited:
            answer = await self._limited(request, handler, self.world.now())
        else:
            answer = await handler(request)
        conditions.counts["requests"] += 1
        conditions.counts["invalid requests"] += answer.status in INVALID
        return answer

    async def _limited(self, request: web.Request, handler: Any, now: float) -> web.StreamResponse:
        where, conditions = request.match_info, self.world.conditions
        if "token" not in where and (wait := conditions.global_wait(now)):
            conditions.counts["429 global"] += 1
            return too_many(wait, {"X-RateLimit-Scope": "global"}, is_global=True)
        name = where.handler.__name__
        if name not in ROUTES:
            return await handler(request)
        buckets = self._buckets(name, where)
        for of, bucket in buckets.items():
            if not bucket.take(now):
                conditions.counts[f"429 of {of}"] += 1
                headers = bucket.headers(of, now) | {"X-RateLimit-Scope": "user"}
                return too_many(bucket.ends - now, headers)
        answer = await handler(request)
        # Discord sends no headers about a channel's webhook limit until it is reached.
        answer.headers.update(buckets[name].headers(name, now))
        return answer

    def _buckets(self, name: str, where: Mapping[str, str]) -> dict[str, Bucket]:
        """Return the buckets that a request takes from, by their routes."""
        conditions = self.world.conditions
        major = where.get("channel") or where.get("token") or ""
        found = {name: conditions.bucket(name, major)}
        if name == "execute" and (webhook := self.world.webhooks.get(int(where["webhook"]))):
            found[IN_CHANNEL] = conditions.bucket(IN_CHANNEL, str(webhook.channel))
        return found

    def _note(self, request: web.Request, refused: Refused) -> None:
        name = request.match_info.handler.__name__
        words = f"{request.method} {name}: {refused.code} {refused.message}"
        if refused.errors:
            words += f" {refused.errors}"
        self.world.tell("refusal", words)
        if interaction := self.world.with_token(request.match_info.get("token")):
            interaction.refused.append(refused.code)
            self.world.tell("interaction", interaction)

    # The bot itself

    async def me(self, _request: web.Request) -> web.Response:
        return json_answer(payloads.user(self.world, self.world.bot))

    async def guilds(self, request: web.Request) -> web.Response:
        """Return a page of the servers that the bot has joined, with its permissions."""
        limit, after = (int(request.query.get(name, "0")) for name in ("limit", "after"))
        joined = [
            {"id": str(guild.id), "name": guild.name, "permissions": str(guild.bot_may)}
            for guild in sorted(self.world.guilds.values(), key=lambda guild: guild.id)
            if guild.has_bot and guild.id > after
        ]
        return json_answer(joined[:limit])

    async def open_private(self, request: web.Request) -> web.Response:
        """Open the direct messages with a person."""
        body, _ = await json_body(request)
        found = self.world.find_private(int(body["recipient_id"]))
        return json_answer(payloads.channel(self.world, found))

    async def application(self, _request: web.Request) -> web.Response:
        return json_answer(payloads.application(self.world))

    async def gateway(self, _request: web.Request) -> web.Response:
        limit = self.world.conditions.sessions_left()
        url = self.world.address.replace("http", "ws", 1) + "/"
        return json_answer({"url": url, "shards": self.world.shards, "session_start_limit": limit})

    async def commands(self, _request: web.Request) -> web.Response:
        return json_answer(list(self.world.commands.values()))

    async def register(self, request: web.Request) -> web.Response:
        """Replace all registered commands."""
        found, _ = await json_body(request)
        rules.check_commands(found)
        self.world.commands = {
            (command.get("type", 1), command["name"]): {
                "description": "",
                **command,
                "id": str(self.world.new_id()),
                "application_id": str(self.world.bot.id),
                "version": str(self.world.new_id()),
            }
            for command in found
        }
        return await self.commands(request)

    async def emojis(self, _request: web.Request) -> web.Response:
        emojis = self.world.emojis.items()
        return json_answer({"items": [{"id": str(key), "name": name} for name, key in emojis]})

    async def create_emoji(self, request: web.Request) -> web.Response:
        body, _ = await json_body(request)
        name, emojis = body.get("name"), self.world.emojis
        rules.check_emoji(name, rules.parse_image(body.get("image")), emojis)
        emojis[name] = self.world.new_id()
        return json_answer({"id": str(emojis[name]), "name": name}, 201)

    async def file(self, request: web.Request) -> web.Response:
        return web.Response(body=self.world.files[int(request.match_info["file"])])

    async def unknown(self, request: web.Request) -> web.Response:
        """Refuse a request that this fake does not know."""
        raise Refused(501, 0, f"the fake has no {request.path}: add it to tests/fake_discord")

    # Answers to interactions

    async def answer(self, request: web.Request) -> web.Response:
        """Accept the first answer to an interaction."""
        body, files = await json_body(request)
        where = request.match_info
        interaction = self.world.unanswered(int(where["id"]), where["token"])
        how = rules.check_answer(interaction.kind, body.get("type"))
        shown = self._answered(interaction, how, body.get("data") or {}, files)
        interaction.how, interaction.answered = how, self.world.now()
        if how is not Answer.SILENCE and interaction.seen is None:
            interaction.seen = self.world.now()
        self.world.tell("interaction", interaction)
        if "with_response" not in request.query:
            return web.Response(status=204)
        return json_answer(self._response(interaction, how, shown))

    def _answered(
        self, interaction: Interaction, how: Answer, data: Json, files: dict[str, tuple[str, bytes]]
    ) -> Message | None:
        """Apply a first answer; return its message, if there is one."""
        match how:
            case Answer.MESSAGE:
                return self._reply(interaction, self.version(data, files), data)
            case Answer.THINKING:
                return self._reply(interaction, None, data)
            case Answer.SILENCE:
                interaction.original = interaction.source
            case Answer.CHOICES:
                rules.check_choices(data.get("choices") or [])
                interaction.choices = data.get("choices") or []
            case Answer.MODAL:
                rules.check_modal(data)
                interaction.modal = data
        return None

    def _reply(self, interaction: Interaction, version: Version | None, data: Json) -> Message:
        only_for = interaction.user if data.get("flags", 0) & EPHEMERAL else None
        message = self.world.post(
            interaction.channel, version, interaction=interaction, only_for=only_for
        )
        interaction.original = interaction.original or message.id
        return message

    def _response(self, interaction: Interaction, how: Answer, shown: Message | None) -> Json:
        told: Json = {"id": str(interaction.id), "type": int(interaction.kind)}
        resource: Json = {"type": int(how)}
        if shown:
            told["response_message_id"] = str(shown.id)
            told["response_message_loading"] = shown.thinking
            told["response_message_ephemeral"] = shown.only_for is not None
            resource["message"] = payloads.message(self.world, shown)
        return {"interaction": told, "resource": resource}

    async def follow_up(self, request: web.Request) -> web.Response:
        """Post a follow-up; the first one replaces "thinking" and keeps its visibility."""
        body, files = await json_body(request)
        interaction = self.world.by_token(request.match_info["token"])
        version = self.version(body, files)
        original = self.world.messages.get(interaction.original or 0)
        if original and original.thinking and not original.deleted:
            self.world.edit(original, version, interaction)
            return self.shown(original)
        interaction.follow_ups += 1
        by_person_alone = set(interaction.owners) == {Install.USER}
        if by_person_alone and interaction.follow_ups > FOLLOW_UPS:
            said = "This interaction has hit the maximum number of follow up messages"
            raise Refused(400, 40094, said)
        return self.shown(self._reply(interaction, version, body))

    async def edit_answer(self, request: web.Request) -> web.Response:
        """Edit an answering message, or the message of the pressed button."""
        body, files = await json_body(request)
        interaction, message = self._answering(request)
        self.world.edit(message, self.version(body, files, message), interaction)
        return self.shown(message)

    async def delete_answer(self, request: web.Request) -> web.Response:
        self.world.delete(self._answering(request)[1])
        return web.Response(status=204)

    def _answering(self, request: web.Request) -> tuple[Interaction, Message]:
        interaction = self.world.by_token(request.match_info["token"])
        which = request.match_info["message"]
        if which == "@original":
            return interaction, self.world.original(interaction)
        if int(which) not in (*interaction.messages, interaction.original):
            raise Refused(404, 10008, "Unknown Message")
        return interaction, self.world.find_message(int(which))

    # Messages in channels

    async def send(self, request: web.Request) -> web.Response:
        """Post a message that answers no interaction."""
        body, files = await json_body(request)
        where = self.world.channel(int(request.match_info["channel"]))
        channel = where.id
        if any(not self.world.users[person].takes_messages for person in where.people):
            raise Refused(403, 50007, "Cannot send messages to this user")
        known = channel, str(body.get("nonce"))
        if body.get("enforce_nonce") and known in self.world.nonces:
            return self.shown(self.world.find_message(self.world.nonces[known]))
        reply_to = self._replied(channel, body.get("message_reference"))
        message = self.world.post(channel, self.version(body, files), reply_to=reply_to)
        if "nonce" in body:
            self.world.nonces[known] = message.id
        return self.shown(message)

    def _replied(self, channel: int, reference: Json | None) -> int | None:
        """Return the message to which a new one replies, if that exists."""
        if reference is None:
            return None
        replied = self.world.messages.get(int(reference["message_id"]))
        if replied and replied.channel == channel and not replied.deleted:
            return replied.id
        rules.check(not reference.get("fail_if_not_exists", True), "message_reference: unknown")
        return None

    async def history(self, request: web.Request) -> web.Response:
        """Return the public messages after a given one, or the last before one, newest first."""
        where = self._readable_channel(request)
        after, limit = int(request.query.get("after", 0)), int(request.query.get("limit", 50))
        before = int(request.query.get("before", 1 << 63))
        public = (message for message in self.world.messages.values() if not message.only_for)
        found = sorted(
            message.id
            for message in public
            if message.channel == where.id and after < message.id < before and not message.deleted
        )
        chosen = found[:limit] if after else found[-limit:]
        return json_answer([self._readable(self.world.messages[key]) for key in reversed(chosen)])

    async def message(self, request: web.Request) -> web.Response:
        self._readable_channel(request)
        return json_answer(self._readable(self.in_channel(request)))

    def _readable(self, message: Message) -> Json:
        """Return a message, without its content if the bot may not read it."""
        told = payloads.message(self.world, message)
        may_read = self.world.may_read_content
        return told if may_read else payloads.without_content(self.world, told)

    def _readable_channel(self, request: web.Request) -> Channel:
        """Find the channel of a request; raise Refused unless the bot may read its history."""
        where = self.world.channel(int(request.match_info["channel"]))
        if where.guild:
            self.world.require(where, READ_MESSAGE_HISTORY)
        return where

    async def edit(self, request: web.Request) -> web.Response:
        body, files = await json_body(request)
        message = self.in_channel(request)
        if message.webhook or message.by:
            raise Refused(403, 50005, "Cannot edit a message authored by another user")
        self.world.edit(message, self.version(body, files, message))
        return self.shown(message)

    async def delete(self, request: web.Request) -> web.Response:
        """Delete a message; deleting somebody else's needs a permission."""
        message = self.in_channel(request)
        where = self.world.channels[message.channel]
        if message.by and not where.guild:
            raise Refused(403, 50003, "Cannot execute action on a DM channel")
        if message.webhook or message.by:
            self.world.require(where, MANAGE_MESSAGES)
        self.world.delete(message)
        return web.Response(status=204)

    async def type(self, request: web.Request) -> web.Response:
        """Show the typing indicator."""
        channel = self.world.channel(int(request.match_info["channel"]))
        self.world.tell("typing", channel.id)
        return web.Response(status=204)

    def in_channel(self, request: web.Request) -> Message:
        """Find a public message of the channel; raise Refused otherwise."""
        self.world.channel(int(request.match_info["channel"]))
        message = self.world.find_message(int(request.match_info["message"]))
        if message.channel != int(request.match_info["channel"]) or message.only_for:
            raise Refused(404, 10008, "Unknown Message")
        return message

    def shown(self, message: Message) -> web.Response:
        """Answer with a message."""
        return json_answer(payloads.message(self.world, message))

    def version(
        self, body: Json, files: dict[str, tuple[str, bytes]], before: Message | None = None
    ) -> Version:
        """Return a message's next version; keys that the body lacks keep their values.

        New files take the place of those that the message has.
        """
        was = before.versions[-1] if before else Version(0)
        is_v2 = was.is_v2 or bool((body.get("flags") or 0) & COMPONENTS_V2)
        now = {name: body[name] or type(getattr(was, name))() for name in EDITABLE if name in body}
        if "attachments" in body:
            attached = body["attachments"] or []
            now["attachments"] = [
                {
                    **self.world.add_file(*files[f"files[{file['id']}]"]),
                    "description": file.get("description"),
                }
                for file in attached
            ]
        version = replace(was, at=self.world.now(), is_v2=is_v2, **now)
        rules.check_version(version)
        if rules.could_ping(body):
            self.world.tell("ping", rules.find_text(body))
        return version


def _authorise(request: web.Request) -> None:
    """Check the bot's token; a route with a token of its own needs no other."""
    known = "token" in request.match_info
    if not known and request.headers.get("Authorization") != f"Bot {TOKEN}":
        raise Refused(401, 0, "401: Unauthorized")


async def json_body(request: web.Request) -> tuple[Any, dict[str, tuple[str, bytes]]]:
    """Return the JSON of a request, and its files by the names of their fields."""
    if request.content_type == "application/json":
        return await request.json(), {}
    form = await request.post()
    files = {
        name: (field.filename, field.file.read())
        for name, field in form.items()
        if isinstance(field, web.FileField)
    }
    return json.loads(str(form["payload_json"])), files


def too_many(
    retry_after: float, headers: Mapping[str, str] | None = None, *, is_global: bool = False
) -> web.Response:
    """Return Discord's answer to a request above a rate limit."""
    said = {"message": "You are being rate limited.", "retry_after": retry_after}
    via = {"Via": "1.1 google", **(headers or {})}
    return json_answer(said | {"global": is_global}, TOO_MANY, via)


def json_answer(
    body: Any, status: int = 200, headers: Mapping[str, str] = NO_LIMIT
) -> web.Response:
    # Without a charset in the content type, because discord.py compares the whole header.
    headers = {**headers, "Content-Type": "application/json"}
    return web.Response(body=json.dumps(body).encode(), status=status, headers=headers)
