"""Anthropic's Python SDK, whichever major version PYTHONPATH gives."""

import anthropic

from client import (ANTHROPIC_MODEL, ANTHROPIC_URL, BROKE_KEY, BUSY_KEY, KEY,
                    UNKNOWN_KEY, attempt, done, equal, ok, raised, sim)

tries = 0


def count_try(_request):
    global tries
    tries += 1


def client(key, **more):
    global tries
    tries = 0
    hooks = anthropic.DefaultHttpxClient(event_hooks={"request": [count_try]})
    return anthropic.Anthropic(api_key=key, base_url=ANTHROPIC_URL,
                               http_client=hooks, **more)


def ask(more=None, **behaviour):
    return {"model": ANTHROPIC_MODEL, "max_tokens": 300,
            "messages": [{"role": "user", "content": sim(**behaviour)}],
            **(more or {})}


def message():
    answer = client(KEY).messages.create(
        **ask(input=61, output=3, cache_read=9, text="one two three"))
    usage = answer.usage
    equal(answer.content[0].text, "one two three", "message: text")
    equal((usage.input_tokens, usage.output_tokens,
           usage.cache_read_input_tokens), (61, 3, 9), "message: usage")


def stream():
    with client(KEY).messages.stream(
            **ask(input=62, output=4, text="a b c d", split=3)) as events:
        pieces = list(events.text_stream)
        answer = events.get_final_message()
    equal("".join(pieces), "a b c d", "stream: text")
    equal(len(pieces), 4, "stream: in pieces")
    equal((answer.usage.input_tokens, answer.usage.output_tokens), (62, 4),
          "stream: usage")


def tool():
    tools = [{"name": "get_weather", "description": "weather",
              "input_schema": {"type": "object"}}]
    with client(KEY).messages.stream(
            **ask({"tools": tools}, tool=True, text="let me look")) as events:
        answer = events.get_final_message()
    use = [block for block in answer.content if block.type == "tool_use"]
    equal([block.input.get("city") for block in use], ["Berlin"], "tool: call")
    equal(answer.stop_reason, "tool_use", "tool: stop reason")


def thinking():
    more = {"max_tokens": 3000,
            "thinking": {"type": "enabled", "budget_tokens": 1024}}
    with client(KEY).messages.stream(
            **ask(more, thinking=True, text="thought")) as events:
        answer = events.get_final_message()
    equal([block.type for block in answer.content], ["thinking", "text"],
          "thinking: blocks")


def count_tokens():
    counted = client(KEY).messages.count_tokens(
        model=ANTHROPIC_MODEL,
        messages=[{"role": "user", "content": "How many are these?"}])
    ok(counted.input_tokens > 3, "count tokens")


def models():
    names = [model.id for model in client(KEY).models.list()]
    ok(len(names) > 0, "models: a list")


def bearer():
    answer = anthropic.Anthropic(
        auth_token=KEY, base_url=ANTHROPIC_URL).messages.create(
            **ask(text="token"))
    equal(answer.content[0].text, "token", "bearer instead of a key")


def refused(title, call, kind, status, wanted):
    error = raised(call)
    ok(isinstance(error, kind), f"{title}: {type(error).__name__}")
    equal((getattr(error, "status_code", None), tries), (status, wanted),
          f"{title}: status and tries")
    ok(bool(getattr(error, "request_id", None)), f"{title}: has a request id")
    return error


def create(key, more=None, **behaviour):
    return lambda: client(key).messages.create(**ask(more, **behaviour))


def stream_error():
    def run():
        with client(KEY).messages.stream(**ask(
                text="a b c d e f", exception="modelStreamErrorException",
                exception_after=4)) as events:
            events.get_final_message()
    error = raised(run)
    ok(isinstance(error, anthropic.APIError),
       f"error in the stream: {type(error).__name__}")
    equal(tries, 1, "error in the stream: one try")


def refusals():
    refused("unknown key", create(UNKNOWN_KEY),
            anthropic.AuthenticationError, 401, 1)
    error = refused("no budget left", create(BROKE_KEY),
                    anthropic.APIStatusError, 402, 1)
    equal(error.body["error"]["type"], "billing_error",
          "no budget left: type")
    refused("too many requests", create(BUSY_KEY),
            anthropic.RateLimitError, 429, 3)
    refused("refused by the model",
            create(KEY, status=400, message="prompt is too long"),
            anthropic.BadRequestError, 400, 1)


print(f"# anthropic {anthropic.__version__}")

for test in (message, stream, tool, thinking, count_tokens, models, bearer,
             stream_error, refusals):
    attempt(test.__name__, test)

done()
