"""The ledger's side: an exported file, the gateway's /llm/logs, or the store
itself by way of scripts/store."""

import csv
import io
import os
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from datetime import timedelta
from decimal import Decimal

from .common import Call, Trouble, count, dollars, files, json_values, \
    open_text, parse_time, reason, time_text

PAGE = 1000

# a call may be settled so long after it began
LONGEST = timedelta(hours=6)


def read(options, names, progress):
    """[Call]: one for each attempt, as that is what AWS bills"""
    calls = []
    for rows, where in sources(options):
        for row in rows:
            try:
                for call in calls_of(row, names):
                    calls.append(call)
                    names.add(call.model)
            except (KeyError, ValueError, ArithmeticError,
                    AttributeError, TypeError) as error:
                raise Trouble(f"{where}: a row that cannot be read: "
                              + reason(error)) from None
    if not calls:
        progress.count("the ledger has no call in this time", 0)
    return calls


def sources(options):
    for path, _named in files(options.ledger):
        text = open_text(path)
        if text.lstrip()[:1] in ("{", "["):
            yield json_rows(text, path), path
        else:
            yield csv_rows(text, path), path
    for url in options.url:
        yield url_rows(url, options), url.partition("?")[0]
    for folder in options.store:
        yield store_rows(folder, options), folder


def json_rows(text, path):
    for value in json_values(text, path):
        if isinstance(value, dict) and isinstance(value.get("logs"), list):
            yield from value["logs"]
        elif isinstance(value, list):
            yield from value
        else:
            yield value


def csv_rows(text, path):
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if "request_id" not in (reader.fieldnames or ()):
        raise Trouble(f"{path}: no ledger: export it with rows=attempts (CSV "
                      f"has its request ids only there) or as NDJSON")
    try:
        for row in reader:
            # what a spreadsheet would take for a formula has a quote in front
            yield {k: v[1:] if v and v[0] == "'" else v
                   for k, v in row.items() if k}
    except csv.Error as error:
        raise Trouble(f"{path}:{reader.line_num}: {error}") from None


def window(options):
    """The time that may hold calls which began in the one asked for."""
    found = {}
    if options.time_from:
        found["from"] = time_text(options.time_from - LONGEST)
    if options.time_to:
        found["to"] = time_text(options.time_to + LONGEST)
    return found


def url_rows(url, options):
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise Trouble("--url is the address of /llm/logs: "
                      "http://127.0.0.1:8080/llm/logs")
    if "@" in parts.netloc:
        raise Trouble("--url takes no password: write --header "
                      "\"Authorization: Basic …\"")
    where = f"{parts.scheme}://{parts.netloc}{parts.path}"
    query = urllib.parse.parse_qsl(parts.query)
    query += [("format", "ndjson"), ("order", "asc"), ("limit", str(PAGE))]
    query += sorted(window(options).items())
    cursor = None
    while True:
        page = query + ([("cursor", cursor)] if cursor else [])
        address = urllib.parse.urlunsplit(
            parts._replace(query=urllib.parse.urlencode(page), fragment=""))
        request = urllib.request.Request(
            address, headers=dict(h.split(": ", 1) for h in options.header))
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                text = answer.read().decode()
                following = answer.headers.get("X-LLM-Next")
        except urllib.error.HTTPError as error:
            raise Trouble(f"{where}: HTTP {error.code}: "
                          + error.read(500).decode("utf-8", "replace")
                          .strip()) from None
        except (OSError, ValueError) as error:
            raise Trouble(f"{where}: {getattr(error, 'reason', error)}") \
                from None
        yield from json_values(text, where)
        if not following or following == cursor:
            return
        cursor = following


def store_rows(folder, options):
    tool = os.path.join(os.path.dirname(os.path.dirname(
        os.path.realpath(__file__))), "store")
    command = [tool, "export", folder, "--format", "ndjson"]
    command += [f"{k}={v}" for k, v in sorted(window(options).items())]
    with tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(command, stdout=subprocess.PIPE,
                                       stderr=errors)
        except OSError as error:
            raise Trouble(f"{tool}: {error.strerror}") from None
        with process:
            for line in process.stdout:
                yield from json_values(line.decode(), folder)
        if process.returncode != 0:
            errors.seek(0)
            raise Trouble(errors.read(2000).decode("utf-8", "replace").strip())


def calls_of(row, names):
    """The calls of a request's row, or the one of an attempt's."""
    if not isinstance(row, dict):
        raise ValueError("it is no object")
    if "attempts" not in row and "request_id" not in row:
        raise ValueError("it is none of /llm/logs")
    if "attempts" not in row:
        yield attempt(row, row, None, names)
        return
    last = len(row["attempts"]) - 1
    for i, item in enumerate(row["attempts"]):
        yield attempt(row, item, row.get("tokens") if i == last else None,
                      names)


def attempt(row, item, tokens, names):
    sums = (count(item.get("input_tokens")), count(item.get("output_tokens")))
    kinds = (sums[0], sums[1], 0, 0)
    split = sums[0] == 0
    if tokens:
        written = sum(count(tokens.get(name)) for name in
                      ("cache_write_5m", "cache_write_1h"))
        found = (count(tokens.get("input")), count(tokens.get("output")),
                 count(tokens.get("cache_read")), written)
        # the row's usage is its last attempt's
        if (found[0] + found[2] + found[3], found[1]) == sums:
            kinds, split = found, True
    began = item.get("started") or row.get("received") or row.get("time")
    note = "estimated" if row.get("price") == "estimated" else ""
    if item.get("result") not in (None, "", "ok"):
        note = ", ".join(filter(None, (note, str(item["result"]))))
    cost = dollars(item.get("cost")) or Decimal(0)
    # counting tokens is free and AWS does not log it; where the ledger does
    # not say what was called it is told by that
    served = item.get("result") in (None, "", "ok") and (
        "count_tokens" not in row["api"] if row.get("api")
        else any(kinds) or bool(cost))
    return Call(item.get("request_id") or None, parse_time(began),
                names.base(item.get("model")),
                str(item.get("region") or "unknown"), kinds, split, cost, note,
                row.get("id") or row.get("log"), served)
