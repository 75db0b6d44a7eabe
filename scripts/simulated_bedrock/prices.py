"""What a call costs, computed on our own from the price list."""

from decimal import Decimal

from . import models

# USD per million tokens: input, output, cache read, write 5m, write 1h
BUILT_IN = {
    "anthropic.claude-3-haiku": ".25 1.25 .03 .3 .5",
    "anthropic.claude-3-5-haiku": ".8 4 .08 1 1.6",
    "anthropic.claude-3-5-sonnet": "3 15 .3 3.75 6",
    "anthropic.claude-sonnet-4-2025": "3 15 .3 3.75 6",
    "amazon.nova-micro": ".035 .14 .00875 .035 .035",
    "amazon.nova-lite": ".06 .24 .015 .06 .06",
    "amazon.nova-pro": ".8 3.2 .2 .8 .8",
    "mistral.mistral-large-2407": "2 6 2 2 2",
    "meta.llama3-1-70b": ".72 .72 .72 .72 .72",
    "amazon.titan-embed-text-v2": ".02 0 .02 .02 .02",
}

TOKEN_KINDS = ("input", "output", "cache_read", "cache_write_5m",
               "cache_write_1h")


def pico(dollars_per_million):
    """USD per million units to picodollars per unit, exactly."""
    value = Decimal(dollars_per_million) * 1_000_000
    if value != value.to_integral_value():
        raise ValueError(f"{dollars_per_million} is finer than a picodollar")
    return int(value)


def round_half_up(picodollars):
    return (picodollars + 500) // 1000


class BuiltInPrices:
    def __init__(self):
        self.table = {
            prefix: dict(zip(TOKEN_KINDS, map(pico, text.split())))
            for prefix, text in BUILT_IN.items()}

    def cost(self, model, _region, usage):
        base = models.base_id(model)
        for prefix, rates in self.table.items():
            if base.startswith(prefix):
                return round_half_up(sum(
                    rates[kind] * getattr(usage, kind)
                    for kind in TOKEN_KINDS))
        return None


def load(path):
    if path is None:
        return BuiltInPrices()
    raise ValueError("not read yet")
