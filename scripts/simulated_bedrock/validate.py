"""Refuses what Bedrock would refuse, with its texts."""

import base64
import binascii
import json

from . import models

BETAS = {
    "computer-use-2024-10-22", "computer-use-2025-01-24",
    "computer-use-2025-11-24", "context-1m-2025-08-07",
    "context-management-2025-06-27", "dev-full-thinking-2025-05-14",
    "fine-grained-tool-streaming-2025-05-14",
    "interleaved-thinking-2025-05-14", "mcp-client-2025-04-04",
    "mcp-client-2025-11-20", "model-context-window-exceeded-2025-08-26",
    "output-128k-2025-02-19", "pdfs-2024-09-25", "search-results-2025-06-09",
    "token-counting-2024-11-01", "token-efficient-tools-2025-02-19",
    "tool-search-tool-2025-10-19", "web-search-2025-03-05",
    "compact-2026-01-12", "effort-2025-11-24",
}

REFUSED_MEMBERS = (
    "model", "stream", "mcp_servers", "speed", "service_tier", "container",
    "inference_geo", "fallbacks", "user_profile_id", "output_format",
)

NOT_COUNTABLE = "The provided model doesn't support counting tokens."


class Invalid(Exception):
    def __init__(self, message, name="ValidationException", status=400):
        super().__init__(message)
        self.name = name
        self.status = status


def parse(raw):
    try:
        body = json.loads(raw)
    except ValueError:
        raise Invalid("Malformed input request, please reformat your input "
                      "and try again.") from None
    if not isinstance(body, dict):
        raise Invalid("Malformed input request: expected a JSON object, "
                      "please reformat your input and try again.")
    return body


def model(model_id):
    family = models.family_of(model_id)
    if family is None:
        raise Invalid("The provided model identifier is invalid.")
    return family


def claude(body):
    for name in REFUSED_MEMBERS:
        if name in body:
            raise Invalid(f"{name}: Extra inputs are not permitted")
    for name in ("anthropic_version", "max_tokens", "messages"):
        if name not in body:
            raise Invalid(f"{name}: Field required")
    if body["anthropic_version"] not in ("bedrock-2023-05-31", "2026-10-21"):
        raise Invalid("anthropic_version: Input should be "
                      "'bedrock-2023-05-31'")
    limit = body["max_tokens"]
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        raise Invalid("max_tokens: Input should be greater than or equal to 1")
    betas = body.get("anthropic_beta", [])
    if not isinstance(betas, list) or not BETAS.issuperset(betas):
        raise Invalid("invalid beta flag")
    messages = body["messages"]
    if not isinstance(messages, list) or not messages:
        raise Invalid("messages: at least one message is required")
    for index, message in enumerate(messages):
        claude_message(f"messages.{index}", message)


def claude_message(where, message):
    if not isinstance(message, dict) or "content" not in message:
        raise Invalid(f"{where}.content: Field required")
    if message.get("role") not in ("user", "assistant", "system"):
        raise Invalid(f"{where}.role: Input should be 'user' or 'assistant'")
    content = message["content"]
    for block in content if isinstance(content, list) else []:
        if block.get("type") == "text" and not block.get("text"):
            raise Invalid("messages: text content blocks must be non-empty")


def require(body, *names):
    for name in names:
        if name not in body:
            raise Invalid("Malformed input request: #: required key "
                          f"[{name}] not found, please reformat your input "
                          "and try again.")


INVOKE_MEMBERS = {
    "claude-legacy": ("prompt", "max_tokens_to_sample"),
    "nova": ("messages",), "titan": ("inputText",), "llama": ("prompt",),
    "mistral": ("prompt",), "cohere": ("prompt",), "cohere-r": ("message",),
    "ai21-j2": ("prompt",), "titan-embed": ("inputText",),
    "cohere-embed": ("texts",), "rerank": ("query", "documents"),
}


def invoke(family, body, streams, stream_families):
    if streams and family not in stream_families:
        raise Invalid("The model is unsupported for streaming.")
    if family == "claude":
        claude(body)
    elif family == "openai":
        if "prompt" not in body:
            require(body, "messages")
    else:
        require(body, *INVOKE_MEMBERS.get(family, ()))


def converse(family, body):
    if family in ("image", "rerank", "titan-embed", "cohere-embed",
                  "nova-embed"):
        raise Invalid("This action doesn't support the model that you "
                      "provided. Try again with a supported text or chat "
                      "model.")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Invalid("The messages field is required.")
    for index, message in enumerate(messages):
        content = message.get("content") if isinstance(message, dict) else None
        if not isinstance(content, list):
            raise Invalid("STRING_VALUE can not be converted to a List",
                          "SerializationException")
        if not content:
            raise Invalid(f"The content field in the Message object at "
                          f"messages.{index} is empty. Add a ContentBlock "
                          "object to the content field and try again.")


def counted(body):
    """The body whose tokens a count-tokens body asks for, {} if broken."""
    given = body.get("input")
    given = given if isinstance(given, dict) else {}
    if "converse" in given:
        return given["converse"]
    try:
        raw = base64.b64decode(given["invokeModel"]["body"], validate=True)
        return parse(raw)
    except (KeyError, TypeError, binascii.Error, Invalid):
        return {}


def count_tokens(model_id, family, body):
    if models.is_profile(model_id) or family != "claude":
        raise Invalid(NOT_COUNTABLE)
    given = body.get("input")
    if not isinstance(given, dict) or len(given) != 1:
        raise Invalid("The input field is required.")
    if "converse" not in given:
        claude(counted(body))
