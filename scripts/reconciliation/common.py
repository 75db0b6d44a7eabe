"""What all sources share: calls, tokens, times, files."""

import contextlib
import gzip
import io
import json
import os
import re
import zipfile
import zlib
from datetime import datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation

KINDS = ("input", "output", "cache_read", "cache_write")

# no count and no amount reaches this
MOST = Decimal(10) ** 15


class Trouble(Exception):
    """Something that keeps us from comparing; its text says what to do."""


class NoText(Trouble):
    """The file is of some other sort."""


def reason(error):
    """What is wrong with something that was read, in words."""
    if isinstance(error, KeyError):
        return f"it has no {error}"
    return str(error) or type(error).__name__


class Call:
    """One call of a model, as one side saw it.

    tokens: by kind; `split` is False where only the sum of all input is known,
    which then is in "input".  cost: Decimal dollars or None.  served: it
    succeeded, though an image, say, has no tokens.
    """

    __slots__ = ("id", "time", "model", "region", "tokens", "split", "cost",
                 "note", "row", "served")

    def __init__(self, call_id, time, model, region, tokens, split=True,
                 cost=None, note="", row=None, served=True):
        self.id = call_id
        self.time = time
        self.model = model
        self.region = region
        self.tokens = tokens
        self.split = split
        self.cost = cost
        self.note = note
        self.row = row
        self.served = served

    @property
    def day(self):
        return self.time.strftime("%Y-%m-%d")

    def billed(self):
        return self.served or any(self.tokens) or bool(self.cost)

    def all_input(self):
        return self.tokens[0] + self.tokens[2] + self.tokens[3]

    def same_tokens(self, other):
        if self.split and other.split:
            return self.tokens == other.tokens
        return (self.all_input() == other.all_input()
                and self.tokens[1] == other.tokens[1])


class Progress:
    """What was read and left out, for the report's notes."""

    def __init__(self):
        self.notes = {}

    def count(self, what, n=1):
        self.notes[what] = self.notes.get(what, 0) + n


_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)"
                   r"(\.\d+)?)?)?\s*(Z|UTC|[+-]\d\d:?\d\d)?\Z")


def parse_time(text):
    """RFC 3339 and its relatives, as UTC; a date is its midnight."""
    found = _TIME.match(str(text).strip())
    if not found:
        raise ValueError(f"\"{text}\" is no time: write 2026-11-23 or "
                         f"2026-11-23T10:00:00Z")
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    time = datetime(int(year), int(month), int(day), int(hour or 0),
                    int(minute or 0), int(second or 0),
                    int(float(fraction or 0) * 1e6), tzinfo=timezone.utc)
    if zone and zone[0] in "+-":
        digits = zone[1:].replace(":", "")
        offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        time -= offset if zone[0] == "+" else -offset
    return time


def time_text(time):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def count(value):
    """A number of tokens, None and "" are 0."""
    if value in (None, ""):
        return 0
    number = dollars(value)
    if not 0 <= number < MOST:
        raise ValueError(f"{value} is no number of tokens")
    return int(number)


def dollars(value):
    if value in (None, ""):
        return Decimal(0)
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"\"{value}\" is no number") from None
    if not amount.is_finite() or abs(amount) >= MOST:
        raise ValueError(f"{value} is no number that can be right")
    return amount


def money_text(value):
    if value is None:
        return ""
    text = f"{value:.9f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


PARQUET = ("this is Parquet, which Python cannot read by itself: let AWS write "
           "CSV (Data Exports: \"Compression and file format\": gzip - "
           "text/csv), or convert it: duckdb -c \"COPY (SELECT * FROM "
           "'{path}') TO 'bill.csv'\"")


def _zipped(stream, path):
    """The one file in a ZIP."""
    try:
        archive = zipfile.ZipFile(stream)
        names = [n for n in archive.namelist() if not n.endswith("/")]
        if len(names) != 1:
            raise NoText(f"{path}: {len(names)} files in one ZIP: unpack it")
        return archive.open(names[0])
    except (NotImplementedError, RuntimeError) as error:
        raise NoText(f"{path}: a ZIP that cannot be read: {error}") from None


def _unpacked(file, path):
    """The bytes behind gzip and ZIP, whatever the file is called."""
    stream = io.BufferedReader(file)
    head = stream.peek(4)[:4]
    if head[:2] == b"\x1f\x8b":
        stream = io.BufferedReader(gzip.GzipFile(fileobj=stream))
    elif head == b"PK\x03\x04":
        stream = io.BufferedReader(_zipped(stream, path))
    if stream.peek(4)[:4] == b"PAR1":
        raise NoText(f"{path}: {PARQUET.format(path=path)}")
    return stream


@contextlib.contextmanager
def reading(path):
    """The file's text as a stream, as bills are large."""
    try:
        with open(path, "rb", buffering=0) as file:
            yield io.TextIOWrapper(_unpacked(file, path), "utf-8-sig",
                                   newline="")
    except UnicodeDecodeError as error:
        raise NoText(f"{path}: no UTF-8 text: {error}") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise Trouble(f"{path}: damaged gzip file: {error}") from None
    except zipfile.BadZipFile as error:
        raise NoText(f"{path}: damaged ZIP: {error}") from None
    except OSError as error:
        raise Trouble(f"{path}: {error.strerror or error}") from None


def open_text(path):
    with reading(path) as text:
        return text.read()


def files(paths):
    """Files, and those in folders, in a stable order: (path, was it named)."""
    for path in paths:
        if not os.path.isdir(path):
            yield path, True
            continue
        for folder, folders, names in os.walk(path):
            folders.sort()
            for name in sorted(names):
                if not name.startswith("."):
                    yield os.path.join(folder, name), False


def json_values(text, path):
    """JSON values one after the other, in lines or not.  In front of each
    there may be a time, as CloudWatch's export puts it there."""
    decoder = json.JSONDecoder(parse_float=Decimal)
    at = 0
    blank = re.compile(r"[\s,]*")
    stamp = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z\s+(?=\{)")
    while True:
        at = blank.match(text, at).end()
        if at == len(text):
            return
        found = stamp.match(text, at)
        if found:
            at = found.end()
        try:
            value, at = decoder.raw_decode(text, at)
        except ValueError as error:
            line = text.count("\n", 0, at) + 1
            raise Trouble(f"{path}:{line}: no JSON: {error}") from None
        except RecursionError:
            raise Trouble(f"{path}: JSON that is nested too deep") from None
        yield value
