"""What the Python clients share: TAP, the environment of t/clients.t."""

import json
import os
import sys
import traceback

_count = 0
_failed = 0


def ok(passed, name):
    global _count, _failed
    _count += 1
    _failed += not passed
    print(f"{'ok' if passed else 'not ok'} {_count} - {name}", flush=True)
    return passed


def equal(got, expected, name):
    if not ok(got == expected, name):
        print(f"#      got: {got!r}\n# expected: {expected!r}")


def attempt(name, test, *arguments):
    """Runs a test; what it raises fails it and the next ones go on."""
    try:
        test(*arguments)
    except Exception:
        ok(False, name)
        for line in traceback.format_exc().splitlines():
            print("#", line)


def raised(call):
    """What a call that has to fail raises."""
    try:
        call()
    except Exception as error:
        return error
    return AssertionError("nothing was raised")


def done():
    print(f"1..{_count}")
    sys.exit(1 if _failed else 0)


def sim(**behaviour):
    """A prompt that tells the simulated Bedrock how to answer."""
    return "Please answer. sim:" + json.dumps(behaviour)


ANTHROPIC_URL = os.environ["LLM_ANTHROPIC_URL"]
BEDROCK_URL = os.environ["LLM_BEDROCK_URL"]
BEARER_URL = os.environ.get("LLM_BEDROCK_BEARER_URL", BEDROCK_URL)

KEY = os.environ["LLM_KEY"]
SIGV4_NAME = os.environ.get("LLM_SIGV4_NAME")
SIGV4_SECRET = os.environ.get("LLM_SIGV4_SECRET")
UNKNOWN_KEY = "vk-this-key-is-unknown-0123456789"
BROKE_KEY = os.environ.get("LLM_BROKE_KEY")
BUSY_KEY = os.environ.get("LLM_BUSY_KEY")

ANTHROPIC_MODEL = os.environ.get("LLM_MODEL_ANTHROPIC", "claude-sonnet-4-5")
BEDROCK_MODEL = os.environ.get(
    "LLM_MODEL_BEDROCK", "us.anthropic.claude-sonnet-4-5-20250929-v1:0")
