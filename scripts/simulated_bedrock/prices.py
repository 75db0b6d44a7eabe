"""What a call costs, worked out on our own from the price list.

Reads the format of docs/prices.md with Python's Decimal; shares no code with
the gateway.  Without a file a small table of its own serves.
"""

import json
import time
from decimal import ROUND_HALF_UP, Decimal

from . import models

RATES = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")

BUILT_IN = {"models": {
    "anthropic.claude-3-haiku-20240307-v1:0": {
        "input": ".25", "output": "1.25", "cache_read": ".025",
        "cache_write_5m": ".3125", "cache_write_1h": ".5"},
    "anthropic.claude-sonnet-4-20250514-v1:0": {
        "input": "3", "output": "15", "cache_read": ".3",
        "cache_write_5m": "3.75", "cache_write_1h": "6"},
    "amazon.nova-lite-v1:0": {
        "input": ".06", "output": ".24", "cache_read": ".015"},
    "mistral.mistral-large-2407-v1:0": {"input": "2", "output": "6"},
}}


def whole(value):
    return int(value.quantize(Decimal(1), ROUND_HALF_UP))


def pico_per_token(dollars_per_million):
    return whole(Decimal(dollars_per_million) * 10**6)


def pico_each(dollars):
    return whole(Decimal(dollars) * 10**12)


def nanodollars(picodollars):
    """Half up, once, at the very end."""
    return (picodollars + 500) // 1000


def day(text):
    """The first second of a date in UTC."""
    return Decimal(int(time.mktime(time.strptime(text + " UTC",
                                                 "%Y-%m-%d %Z"))
                       - time.timezone))


def scaled(rates, factor):
    return {name: whole(value * Decimal(factor))
            for name, value in rates.items()}


def read_rates(entry):
    return {name: pico_per_token(entry[name])
            for name in RATES if name in entry}


def read_variant(given, standard):
    """Prices of their own, or a factor on the standard ones."""
    if isinstance(given, dict):
        return read_rates(given)
    return scaled(standard, given)


class Price:
    """One resolved price: of one entry, in one scope."""

    def __init__(self, entry, factor=None):
        self.standard = read_rates(entry)
        self.tiers = {name: read_variant(given, self.standard)
                      for name, given in entry.get("tiers", {}).items()}
        self.latency = None
        if "latency_optimized" in entry:
            self.latency = read_variant(entry["latency_optimized"],
                                        self.standard)
        self.long = entry.get("long_context")
        self.long_rates = read_rates(self.long) if self.long else None
        self.image = pico_each(entry.get("image", 0))
        self.query = pico_each(entry.get("query", 0))
        if factor is not None:
            self._scale(factor)

    def _scale(self, factor):
        self.standard = scaled(self.standard, factor)
        self.tiers = {name: scaled(rates, factor)
                      for name, rates in self.tiers.items()}
        self.latency = self.latency and scaled(self.latency, factor)
        self.long_rates = self.long_rates and scaled(self.long_rates, factor)
        self.image = whole(self.image * Decimal(factor))
        self.query = whole(self.query * Decimal(factor))

    def rates(self, usage):
        chosen = None
        if usage.latency == "optimized":
            chosen = self.latency
        if not chosen:
            chosen = self.tiers.get(usage.tier)
        rates = filled(chosen or self.standard)
        tokens = usage.input + usage.cache_read + usage.cache_write
        if not self.long or tokens <= self.long["above"]:
            return rates
        high = filled(self.long_rates)
        if not chosen:
            return high
        low = filled(self.standard)
        return {name: whole(Decimal(rates[name]) * high[name] / low[name])
                if low[name] else high[name] for name in RATES}

    def cost(self, usage):
        rates = self.rates(usage)
        pico = sum(rates[name] * getattr(usage, name) for name in RATES)
        pico += self.image * usage.images + self.query * usage.queries
        return nanodollars(pico)


def filled(rates):
    """A cache price that is missing is the input's, never nothing."""
    rates = dict(rates)
    rates.setdefault("input", 0)
    rates.setdefault("output", 0)
    rates.setdefault("cache_read", rates["input"])
    rates.setdefault("cache_write_5m", rates["input"])
    rates.setdefault("cache_write_1h",
                     max(rates["cache_write_5m"], rates["input"]))
    return rates


def precedence(scope, geo, region):
    """How closely a scope's name fits a call, None if it does not."""
    if scope == "global":
        return 1 if geo == "global" else None
    if scope == "geo":
        return 2 if geo not in (None, "global") else None
    if scope.endswith("."):
        return 3 if geo == scope[:-1] else None
    if geo is not None:
        return None
    if scope == "in_region":
        return 4
    if scope.endswith("*"):
        return 5 + len(scope) / 100 \
            if region.startswith(scope[:-1]) else None
    return 10 if region == scope else None


class Prices:
    def __init__(self, value):
        self.models = {}
        for name, entries in value["models"].items():
            if not isinstance(entries, list):
                entries = [entries]
            for known in [name] + list(entries[0].get("aliases", [])):
                self.models[known] = entries
        self.resolved = {}

    def find(self, model, region, now):
        """The Price of a call, None if there is none."""
        arn_region = model.split(":")[3] if model.startswith("arn:") else ""
        name = model.rpartition("/")[2] if arn_region else model
        base = models.base_id(name)
        geo = name[:-len(base) - 1] if base != name else None
        for number, entry in enumerate(self.models.get(base, ())):
            if "from" in entry and now < day(entry["from"]):
                continue
            if "until" in entry and now >= day(entry["until"]) + 86400:
                continue
            return self._resolve(base, number, entry, geo,
                                 region or arn_region)
        return None

    def _resolve(self, base, number, entry, geo, region):
        best, found = 0, None
        for scope in entry.get("scopes", {}):
            fits = precedence(scope, geo, region)
            if fits is not None and fits > best:
                best, found = fits, scope
        key = (base, number, found)
        if key not in self.resolved:
            given = entry["scopes"][found] if found else None
            if isinstance(given, dict):
                self.resolved[key] = Price(given)
            else:
                self.resolved[key] = Price(entry, given)
        return self.resolved[key]

    def cost(self, model, region, usage):
        """Nanodollars, None for an unpriced model."""
        price = self.find(model, region, time.time())
        return None if price is None else price.cost(usage)


def load(path):
    if path is None:
        return Prices(BUILT_IN)
    with open(path, encoding="utf-8") as file:
        return Prices(json.load(file, parse_float=Decimal))
