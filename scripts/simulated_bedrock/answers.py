"""What is answered: text, tokens, and how the answer is to go wrong."""

import json
from dataclasses import dataclass, field

DEMO_TEXT = (
    "Hello! This is the simulated Bedrock: no model was asked and no money "
    "was spent, but everything around this answer is real. The gateway knew "
    "your virtual key, held a little of your budget, signed this request, "
    "read the tokens out of the stream as it went by, and charged them "
    "exactly once. Have a look at the status page: the numbers have moved.")

BEHAVIOUR_MEMBERS = {
    # what it costs
    "input", "output", "cache_read", "cache_write_5m", "cache_write_1h",
    "images", "queries", "tier", "latency", "metrics_output",
    # what it says
    "text", "chunks", "tool", "thinking", "stop_reason", "body", "headers",
    "sample",
    # when
    "first_delay_ms", "frame_delay_ms", "delay_ms", "date_skew",
    # how it fails
    "status", "error", "message", "exception", "exception_after",
    "error_frame_after", "cut_after", "cut_bytes", "reset_after",
    "bad_crc_after", "bad_prelude_after", "hang_after", "no_answer", "reset",
    "garbage", "garbage_head", "hang", "no_usage", "unknown_operation",
    # how the bytes go
    "split", "gzip", "chunked", "close", "close_silently", "stale",
    # bookkeeping
    "tag", "match", "times",
}


# what leaves the text as it is
PACE_AND_ECHO = {"delay_ms", "first_delay_ms", "tier", "latency"}


class BadBehaviour(Exception):
    pass


def check_behaviour(value):
    if not isinstance(value, dict):
        raise BadBehaviour("a behaviour is a JSON object")
    unknown = set(value) - BEHAVIOUR_MEMBERS
    if unknown:
        raise BadBehaviour("unknown members: " + ", ".join(sorted(unknown)))
    return value


def strings(value):
    """All strings in a JSON value."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            stack.extend(reversed(item.values()))
        elif isinstance(item, list):
            stack.extend(reversed(item))


def script_in(body):
    """The last `sim:{...}` in any text of a request body, or {}."""
    found = {}
    for text in strings(body):
        at = text.find("sim:{")
        while at >= 0:
            try:
                value, _ = json.JSONDecoder().raw_decode(text, at + 4)
            except ValueError:
                raise BadBehaviour("sim: is not followed by JSON") from None
            found = check_behaviour(value)
            at = text.find("sim:{", at + 5)
    return found


def estimate_tokens(body):
    """About four characters a token; base64 is not text."""
    return 3 + sum(len(text) for text in strings(body)
                   if len(text) < 20000 or " " in text[:200]) // 4


@dataclass
class Usage:
    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    images: int = 0
    queries: int = 0
    tier: str = None
    latency: str = None

    @property
    def cache_write(self):
        return self.cache_write_5m + self.cache_write_1h


@dataclass
class Answer:
    model: str                          # as it came on the wire, decoded
    family: str
    behaviour: dict
    usage: Usage
    pieces: list = field(default_factory=list)
    thinking: str = None
    tool: dict = None
    stop: str = "end"                   # end, length, tool
    serial: int = 0

    @property
    def text(self):
        return "".join(self.pieces)

    @property
    def metrics_output(self):
        return self.behaviour.get("metrics_output", self.usage.output)

    @property
    def reports(self):
        return not self.behaviour.get("no_usage")


def tool_asked(body):
    """Name of the first tool that the request offers."""
    tools = body.get("tools") or (body.get("toolConfig") or {}).get("tools")
    for tool in tools or []:
        if not isinstance(tool, dict):
            continue
        spec = tool.get("toolSpec") or tool.get("function") or tool
        if isinstance(spec, dict) and spec.get("name"):
            return spec["name"]
    return "get_weather"


def make_pieces(behaviour, limit, is_script):
    """The text in the pieces in which it is streamed."""
    if "text" in behaviour:
        words = behaviour["text"].split(" ")
    elif is_script:
        count = behaviour.get("chunks")
        if count is None:
            count = min(max(behaviour.get("output", 10), 1), 10)
        words = [f"word{i + 1}" for i in range(count)]
    else:
        words = DEMO_TEXT.split(" ")
    cut = limit is not None and limit < len(words)
    if cut:
        words = words[:max(limit, 1)]
    chunks = behaviour.get("chunks")
    if chunks and "text" in behaviour:
        per = -(-len(words) // chunks)
        words = [" ".join(words[i:i + per])
                 for i in range(0, len(words), per)]
    pieces = [word if i == 0 else " " + word for i, word in enumerate(words)]
    return pieces, cut


def max_tokens_of(body):
    for name in ("max_tokens", "maxTokens", "max_gen_len",
                 "max_tokens_to_sample", "max_completion_tokens"):
        if isinstance(body.get(name), int):
            return body[name]
    for outer in ("inferenceConfig", "textGenerationConfig"):
        inner = body.get(outer)
        if isinstance(inner, dict):
            for name in ("maxTokens", "max_new_tokens", "maxTokenCount"):
                if isinstance(inner.get(name), int):
                    return inner[name]
    return None


def build(model, family, body, behaviour, serial, with_cache):
    """An Answer; `with_cache`: the API can tell of cache tokens."""
    is_script = bool(set(behaviour) - PACE_AND_ECHO)
    embeds = family in ("titan-embed", "cohere-embed", "nova-embed")
    usage = Usage(tier=behaviour.get("tier"),
                  latency=behaviour.get("latency"))
    answer = Answer(model, family, behaviour, usage, serial=serial)

    if family == "rerank":
        documents = body.get("documents")
        count = len(documents) if isinstance(documents, list) else 1
        usage.queries = behaviour.get("queries", max(1, -(-count // 100)))
        return answer
    if family == "image":
        config = body.get("imageGenerationConfig") or {}
        usage.images = behaviour.get(
            "images", config.get("numberOfImages", 1))
        return answer

    usage.input = behaviour.get("input")
    if usage.input is None:
        usage.input = estimate_tokens(body)
    if embeds:
        return answer

    limit = None if "output" in behaviour else max_tokens_of(body)
    answer.pieces, cut = make_pieces(behaviour, limit, is_script)
    if behaviour.get("tool"):
        answer.tool = {"name": tool_asked(body),
                       "input": {"city": "Berlin", "unit": "celsius"}}
        answer.stop = "tool"
    if behaviour.get("thinking"):
        answer.thinking = "Let me think about this for a moment."
    if cut:
        answer.stop = "length"
    usage.output = behaviour.get("output", len(answer.pieces))
    if with_cache:
        usage.cache_read = behaviour.get("cache_read", 0)
        usage.cache_write_5m = behaviour.get("cache_write_5m", 0)
        usage.cache_write_1h = behaviour.get("cache_write_1h", 0)
    return answer
