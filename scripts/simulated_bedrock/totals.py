"""What was served and what it costs: the truth that a ledger is held to.

Costs are computed here on their own, in Python integers: picodollars per
token, summed exactly, rounded half up once per call to nanodollars.
"""

from collections import Counter

KINDS = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h",
         "images", "queries")


class Totals:
    def __init__(self, prices):
        self.prices = prices
        self.reset()

    def reset(self):
        self.outcomes = Counter()
        self.errors = Counter()
        self.models = {}
        self.tags = {}
        self.regions = {}

    def cost(self, model, region, usage):
        """Nanodollars, None if the model has no price."""
        return self.prices.cost(model, region, usage)

    def _add(self, table, key, usage, cost):
        row = table.setdefault(key, Counter())
        row["requests"] += 1
        for kind in KINDS:
            row[kind] += getattr(usage, kind)
        if cost is None:
            row["unpriced"] += 1
        else:
            row["cost_nano"] += cost
        return row

    def served(self, answer, region):
        """A call that is billed: its usage is, or would be, reported."""
        self.outcomes["served"] += 1
        cost = self.cost(answer.model, region, answer.usage)
        self._add(self.models, answer.model, answer.usage, cost)
        self._add(self.regions, region or "none", answer.usage, cost)
        tag = answer.behaviour.get("tag")
        if tag is not None:
            self._add(self.tags, str(tag), answer.usage, cost)

    def broken(self, answer, what):
        """Cut on purpose before its usage was told: not billed here."""
        self.outcomes["broken"] += 1
        self.outcomes["broken " + what] += 1

    def refused(self, name):
        self.outcomes["refused"] += 1
        self.errors[name] += 1

    def note(self, what):
        self.outcomes[what] += 1

    def report(self):
        return {
            "requests": sum(self.outcomes[name] for name in
                            ("served", "broken", "refused", "counted")),
            "served": self.outcomes["served"],
            "broken": self.outcomes["broken"],
            "refused": self.outcomes["refused"],
            "left": self.outcomes["left"],
            "cost_nano": sum(row["cost_nano"]
                             for row in self.models.values()),
            "unpriced": sum(row["unpriced"] for row in self.models.values()),
            "outcomes": dict(self.outcomes),
            "errors": dict(self.errors),
            "models": {k: dict(v) for k, v in self.models.items()},
            "regions": {k: dict(v) for k, v in self.regions.items()},
            "tags": {k: dict(v) for k, v in self.tags.items()},
        }
