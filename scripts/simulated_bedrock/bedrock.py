"""The runtime API: from a request to the answer that is played."""

import itertools
import uuid
from urllib.parse import unquote

from . import answers, converse, errors, invoke, models, player, validate
from .eventstream import chunk, compact
from .sigv4 import Refused

OPERATIONS = ("invoke", "invoke-with-response-stream", "converse",
              "converse-stream", "count-tokens")

UNKNOWN_OPERATION = compact(
    {"Output": {"__type": "com.amazon.coral.service"
                          "#UnknownOperationException"},
     "Version": "1.0"}).encode()

# other surfaces, for proxied locations that are governed
NATIVE = {"/v1/messages": "anthropic", "/anthropic/v1/messages": "anthropic",
          "/v1/chat/completions": "openai",
          "/openai/v1/chat/completions": "openai"}


class Call:
    """One request to the runtime API, as far as it has been understood."""

    def __init__(self, request):
        self.request = request
        self.id = str(uuid.uuid4())
        self.model = None
        self.operation = None
        self.region = None
        self.access_key = None
        self.behaviour = {}

    def facts(self):
        """What a queued behaviour can be matched with."""
        return {"model": self.model, "region": self.region,
                "access_key": self.access_key, "path": self.request.path,
                "host": self.request.header("host"), "sni": self.request.sni}


def split_path(path):
    """(model id, operation) of a runtime path, or (None, None)."""
    parts = path.split("/")
    if len(parts) != 4 or parts[0] or parts[1] != "model":
        return None, None
    if parts[3] not in OPERATIONS or not parts[2]:
        return None, None
    return unquote(parts[2]), parts[3]


class Bedrock:
    def __init__(self, app):
        self.app = app
        self.serial = itertools.count(1)

    async def handle(self, connection, call):
        request = call.request
        native = NATIVE.get(request.path)
        call.model, call.operation = split_path(request.path)
        try:
            if native:
                body = validate.parse(request.body)
                call.model, call.operation = str(body.get("model")), native
            else:
                call.access_key, call.region = self.app.verifier.verify(
                    request, "bedrock")
                call.record["signature_ok"] = True
                if call.operation is None:
                    return await self._unknown(connection)
                if request.method != "POST":
                    return await self._unknown(connection)
                family = validate.model(call.model)
                body = validate.parse(request.body)
            if await self._scripted(connection, call, body):
                return None
            if native:
                return await self._native(connection, call, native, body)
            return await self._operation(connection, call, family, body)
        except Refused as error:
            call.record["signature_ok"] = False
            return await self._error(connection, call, error.status,
                                     error.name, str(error))
        except validate.Invalid as error:
            return await self._error(connection, call, error.status,
                                     error.name, str(error))
        except answers.BadBehaviour as error:
            return await self._error(connection, call, 400,
                                     "ValidationException", f"sim: {error}")

    async def _unknown(self, connection):
        self.app.totals.refused("UnknownOperationException")
        await connection.reply(200, [("Content-Type", "application/json")],
                               UNKNOWN_OPERATION)

    async def _error(self, connection, call, status, name, message):
        self.app.totals.refused(name)
        call.record["error"] = name
        headers = errors.headers(name, call.id)
        headers += list(call.behaviour.get("headers", {}).items())
        await connection.reply(status, headers,
                               compact({"message": message}).encode(),
                               call.behaviour.get("date_skew", 0))
        player.after(connection, call.behaviour)

    async def _scripted(self, connection, call, body):
        """Finds the behaviour; True when it has answered already."""
        behaviour = dict(self.app.defaults)
        if call.operation == "count-tokens":
            behaviour.update(answers.script_in(validate.counted(body)))
        elif b"sim:{" in call.request.body:
            behaviour.update(answers.script_in(body))
        queued = self.app.queue.take(call.facts())
        if queued is not None:
            behaviour.update(queued)
        call.behaviour = behaviour
        call.record["tag"] = behaviour.get("tag")
        await player.pause(behaviour, "first_delay_ms")
        if await player.fail_before(connection, behaviour):
            self.app.totals.note("not answered")
            return True
        if behaviour.get("unknown_operation"):
            await self._unknown(connection)
            return True
        if "exception_after" in behaviour and not streams(call, body):
            name = behaviour.get("exception", "internalServerException")
            behaviour.setdefault("error", name[:1].upper() + name[1:])
        if "status" in behaviour or (
                "error" in behaviour
                and "error_frame_after" not in behaviour):
            status, name, message = errors.resolve(
                behaviour.get("status"), behaviour.get("error"),
                behaviour.get("message"))
            await self._error(connection, call, status, name, message)
            return True
        if "sample" in behaviour:
            await self._replay(connection, call)
            return True
        return False

    async def _operation(self, connection, call, family, body):
        operation = call.operation
        if operation == "count-tokens":
            validate.count_tokens(call.model, family, body)
            inner = validate.counted(body)
            count = call.behaviour.get("input")
            if count is None:
                count = answers.estimate_tokens(inner)
            self.app.totals.note("counted")
            return await self._json(connection, call, 200, [],
                                    {"inputTokens": count})
        if operation.startswith("converse"):
            validate.converse(family, body)
            answer = self._answer(call, family, body, True)
            await self._converse(connection, call, answer)
        else:
            family = invoke.shape_of(family, body)
            streams = operation != "invoke"
            validate.invoke(family, body, streams, invoke.CHUNKS)
            answer = self._answer(call, family, body,
                                  family in models.WITH_CACHE)
            await self._invoke(connection, call, answer, body, streams)
        return None

    def _answer(self, call, family, body, with_cache):
        """The answer, with the tier and latency that were asked for."""
        behaviour = dict(call.behaviour)
        header = call.request.header
        for name, member, inner in (
                ("tier", "serviceTier", "type"),
                ("latency", "performanceConfig", "latency")):
            asked = body.get(member)
            asked = asked.get(inner) if isinstance(asked, dict) else None
            if name == "tier":
                asked = asked or header("x-amzn-bedrock-service-tier")
            else:
                asked = asked or header(
                    "x-amzn-bedrock-performanceconfig-latency")
            if asked:
                behaviour.setdefault(name, asked)
        answer = answers.build(call.model, family, body, behaviour,
                               next(self.serial), with_cache)
        if family == "nova" and not call.operation.startswith("converse"):
            usage = answer.usage        # its body does not tell them apart
            usage.cache_write_5m += usage.cache_write_1h
            usage.cache_write_1h = 0
        return answer

    async def _played(self, call, answer, playing):
        """Plays and counts: each call once, also when its client left."""
        totals = self.app.totals
        try:
            complete = await playing
        except ConnectionError:
            call.record["left"] = True
            totals.note("left")
            behaviour = call.behaviour
            complete = not behaviour.get("garbage") and not any(
                name in behaviour for name in player.ENDINGS)
        if complete and not answer.reports:
            totals.broken(answer, "no usage")
        elif complete:
            call.record["usage"] = {
                k: v for k, v in vars(answer.usage).items() if v}
            totals.served(answer, call.region)
        else:
            totals.broken(answer, "cut")

    async def _json(self, connection, call, status, headers, value):
        headers = [("Content-Type", "application/json"),
                   ("x-amzn-RequestId", call.id)] + headers
        return await player.play_body(connection, call.behaviour, status,
                                      headers, compact(value).encode())

    async def _invoke(self, connection, call, answer, body, streams):
        if streams:
            headers = [("Content-Type", player.EVENTSTREAM),
                       ("X-Amzn-Bedrock-Content-Type", "application/json"),
                       ("x-amzn-RequestId", call.id)]
            headers += [(k, v) for k, v in invoke.token_headers(answer)
                        if k.endswith(("Tier", "-Latency"))
                        and not k.endswith("Invocation-Latency")]
            playing = player.play_frames(
                connection, call.behaviour, headers,
                map(chunk, invoke.CHUNKS[answer.family](answer)))
        else:
            playing = self._json(connection, call, 200,
                                 invoke.token_headers(answer),
                                 invoke.body_of(answer, body))
        await self._played(call, answer, playing)

    async def _converse(self, connection, call, answer):
        if call.operation == "converse-stream":
            headers = [("Content-Type", player.EVENTSTREAM),
                       ("x-amzn-RequestId", call.id)]
            playing = player.play_frames(connection, call.behaviour, headers,
                                         converse.frames(answer))
        else:
            playing = self._json(connection, call, 200, [],
                                 converse.body_of(answer))
        await self._played(call, answer, playing)

    async def _native(self, connection, call, dialect, body):
        """Anthropic Messages and chat completions, JSON or SSE."""
        family = "claude" if dialect == "anthropic" else "openai"
        answer = self._answer(call, family, body, True)
        headers = [("request-id", f"req_{call.id}")]
        if not body.get("stream"):
            value = (invoke.claude_body(answer) if dialect == "anthropic"
                     else invoke.openai_body(answer, True))
            playing = self._json(connection, call, 200, headers, value)
        else:
            headers = [("Content-Type", "text/event-stream")] + headers
            events = (anthropic_sse(answer) if dialect == "anthropic"
                      else openai_sse(answer, body))
            playing = player.play_frames(connection, call.behaviour, headers,
                                         events)
        await self._played(call, answer, playing)

    async def _replay(self, connection, call):
        name = call.behaviour["sample"]
        try:
            recording = self.app.recordings.get(name)
        except KeyError:
            raise validate.Invalid(f"there is no recording {name}") from None
        answer = answers.Answer(call.model, models.family_of(call.model),
                                call.behaviour, recording.usage)
        if recording.streams:
            playing = player.play_frames(
                connection, call.behaviour, recording.headers,
                [recording.body])
        else:
            playing = player.play_body(
                connection, call.behaviour, recording.status,
                recording.headers, recording.body)
        if recording.status == 200:
            await self._played(call, answer, playing)
        else:
            await playing
            self.app.totals.refused(f"recorded {recording.status}")


def streams(call, body):
    return (call.operation.endswith("-stream")
            or call.operation in NATIVE.values() and body.get("stream"))


def sse(name, value):
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {compact(value)}\n\n".encode()


def anthropic_sse(answer):
    for value in invoke.claude_events(answer):
        yield sse(value["type"], value)
    yield sse("message_stop", {"type": "message_stop"})


def openai_sse(answer, body):
    with_usage = (body.get("stream_options") or {}).get("include_usage")
    yield sse(None, invoke.openai_chunk(
        answer, {"role": "assistant", "content": ""}))
    for piece in answer.pieces:
        yield sse(None, invoke.openai_chunk(answer, {"content": piece}))
    yield sse(None, invoke.openai_chunk(answer, {},
                                        invoke.stop_of(answer, "openai")))
    if with_usage and answer.reports:
        last = invoke.openai_chunk(answer, {})
        last.update(choices=[], usage=invoke.openai_usage(answer, True))
        yield sse(None, last)
    yield b"data: [DONE]\n\n"
