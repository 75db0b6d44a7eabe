"""Bedrock's model invocation logs: what it writes to S3, and what comes out of
CloudWatch Logs (filter-log-events, export tasks, Insights, subscriptions)."""

import fnmatch
import json
import re
from decimal import Decimal

from .common import Call, NoText, Trouble, count, files, json_values, \
    open_text, parse_time, reading, reason

MESSAGE = "@message"


def records(value):
    """The invocation records in a JSON value, however they are wrapped."""
    if isinstance(value, list):
        for item in value:
            yield from records(item)
        return
    if not isinstance(value, dict):
        return
    if value.get("schemaType") == "ModelInvocationLog":
        yield value
        return
    if value.get("field") == MESSAGE:
        yield from message(value.get("value"))
        return
    if MESSAGE in value:
        yield from message(value[MESSAGE])
        return
    for name in ("events", "logEvents", "results", "Records"):
        if isinstance(value.get(name), list):
            yield from records(value[name])
            return
    if isinstance(value.get("message"), (str, dict)):
        yield from message(value["message"])


def message(text):
    if isinstance(text, dict):
        yield from records(text)
        return
    try:
        value = json.loads(text, parse_float=Decimal)
    except (TypeError, ValueError, RecursionError):
        return
    if isinstance(value, (dict, list)):
        yield from records(value)


def part(value, name):
    """A member that is an object, empty if there is none."""
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def usage_of_body(record):
    """The usage that the answer itself told, for records that lack a count; of
    a stream the body is the list of its chunks."""
    body = part(record, "output").get("outputBodyJson")
    usage = {}
    for chunk in body if isinstance(body, list) else [body]:
        if not isinstance(chunk, dict):
            continue
        for told in (part(part(chunk, "message"), "usage"),
                     part(part(chunk, "metadata"), "usage"),
                     part(chunk, "usage"),
                     part(chunk, "amazon-bedrock-invocationMetrics")):
            usage.update((k, v) for k, v in told.items() if v is not None)
    return usage


def tokens(record):
    given = part(record, "input")
    taken = part(record, "output")
    usage = usage_of_body(record)

    def first(side, name, *others):
        if side.get(name) is not None:
            return count(side[name])
        return count(next((usage[n] for n in (name, *others) if n in usage),
                          0))

    return (first(given, "inputTokenCount", "input_tokens", "inputTokens"),
            first(taken, "outputTokenCount", "output_tokens", "outputTokens"),
            first(given, "cacheReadInputTokenCount", "cache_read_input_tokens",
                  "cacheReadInputTokens"),
            first(given, "cacheWriteInputTokenCount",
                  "cache_creation_input_tokens", "cacheWriteInputTokens"))


def wanted(record, options):
    arn = str(part(record, "identity").get("arn", ""))
    return ((not options.account
             or str(record.get("accountId")) in options.account)
            and (not options.identity
                 or any(fnmatch.fnmatchcase(arn, pattern)
                        for pattern in options.identity)))


# a large body, which AWS puts into an object of its own
BODY = re.compile(r"_(?:input|output)\.[^/]*\Z")


def is_log(path):
    """Does a file in a folder look like JSON, or like an export's lines?"""
    try:
        with reading(path) as text:
            return re.match(r"\s*[\[{]|\d{4}-\d\d-\d\dT", text.read(64))
    except NoText:
        return False


def read(paths, options, names, progress):
    """request id -> Call"""
    calls = {}
    for path, named in files(paths):
        found = False
        if not named and BODY.search(path):
            progress.count("files of large bodies that were not looked at")
            continue
        if not named and not is_log(path):
            progress.count("files that were not looked at: no JSON")
            continue
        for value in json_values(open_text(path), path):
            for record in records(value):
                found = True
                add(calls, record, path, options, names, progress)
        if not found:
            progress.count("files without invocation records")
            if named:
                raise Trouble(f"{path}: no model invocation records (JSON "
                              f"with \"schemaType\":\"ModelInvocationLog\")")
    if not calls:
        raise Trouble("no invocation of a model in " + ", ".join(paths)
                      + (" (for this --account or --identity)"
                         if options.account or options.identity else ""))
    return calls


def add(calls, record, path, options, names, progress):
    if not wanted(record, options):
        progress.count("invocations of other accounts or identities")
        return
    try:
        request = str(record["requestId"])
        call = Call(request, parse_time(record["timestamp"]),
                    names.base(record.get("modelId")),
                    str(record.get("region") or "unknown"), tokens(record),
                    note=str(record.get("errorCode") or ""),
                    served=not record.get("errorCode"))
    except (KeyError, ValueError, ArithmeticError) as error:
        raise Trouble(f"{path}: a record that cannot be read: "
                      + reason(error)) from None
    if request in calls:
        progress.count("invocations that were in the logs twice")
        return
    names.add(call.model)
    calls[request] = call
