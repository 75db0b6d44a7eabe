"""Bedrock's model invocation logs: what it writes to S3, and what comes out of
CloudWatch Logs (filter-log-events, export tasks, Insights, subscriptions)."""

import fnmatch
import json
from decimal import Decimal

from .common import Call, Trouble, count, files, json_values, open_text, \
    parse_time

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
    """The usage that the answer itself told, for records that lack a count."""
    return part(part(part(record, "output"), "outputBodyJson"), "usage")


def tokens(record):
    given = part(record, "input")
    taken = part(record, "output")
    usage = usage_of_body(record)

    def first(*values):
        return count(next((v for v in values if v is not None), 0))

    return (first(given.get("inputTokenCount"), usage.get("input_tokens"),
                  usage.get("inputTokens")),
            first(taken.get("outputTokenCount"), usage.get("output_tokens"),
                  usage.get("outputTokens")),
            first(given.get("cacheReadInputTokenCount"),
                  usage.get("cache_read_input_tokens"),
                  usage.get("cacheReadInputTokens")),
            first(given.get("cacheWriteInputTokenCount"),
                  usage.get("cache_creation_input_tokens"),
                  usage.get("cacheWriteInputTokens")))


def wanted(record, options):
    arn = str(part(record, "identity").get("arn", ""))
    return ((not options.account
             or str(record.get("accountId")) in options.account)
            and (not options.identity
                 or any(fnmatch.fnmatchcase(arn, pattern)
                        for pattern in options.identity)))


def read(paths, options, names, progress):
    """request id -> Call"""
    calls = {}
    for path, named in files(paths):
        found = False
        if not named and not path.endswith((".json", ".gz", ".jsonl",
                                            ".ndjson", ".log", ".txt")):
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
                      f"{error!r}") from None
    if request in calls:
        progress.count("invocations that were in the logs twice")
        return
    names.add(call.model)
    calls[request] = call
