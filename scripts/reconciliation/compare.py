"""Both sides, call by call and in sums."""

from decimal import Decimal

from .common import KINDS

NANO = Decimal("0.000000001")


class Side:
    """Sums of one source for a day, a model and a region."""

    def __init__(self):
        self.calls = 0
        self.tokens = [0] * len(KINDS)
        self.cost = Decimal(0)
        self.lines = 0
        self.complete = True            # all tokens are known

    def add(self, call, tokens):
        self.calls += 1
        for i, n in enumerate(tokens):
            self.tokens[i] += n
        self.cost += call.cost or 0


class Group:
    def __init__(self):
        self.ledger = Side()
        self.log = Side()
        self.bill = Side()


class Result:
    def __init__(self):
        self.groups = {}
        self.only_ledger = []
        self.only_log = []
        self.differing = []             # (ledger's, log's)
        self.has_log = False
        self.has_bill = False
        self.percent = Decimal(0)

    def group(self, day, model, region):
        return self.groups.setdefault((day, model, region), Group())

    def log_equal(self, group):
        return (group.ledger.calls == group.log.calls
                and group.ledger.tokens == group.log.tokens)

    def tokens_billed(self, group):
        return (not group.bill.complete
                or group.ledger.tokens == group.bill.tokens)

    def cost_billed(self, group):
        """Equal but for rounding: ours to the nanodollar for each call, a
        bill's for each line; and but for the percentage asked for."""
        allowed = (group.ledger.calls + group.bill.lines) * NANO
        allowed += abs(group.bill.cost) * self.percent / 100
        return abs(group.ledger.cost - group.bill.cost) <= allowed

    def equal(self, group):
        return ((not self.has_log or self.log_equal(group))
                and (not self.has_bill or (self.tokens_billed(group)
                                           and self.cost_billed(group))))

    def all_equal(self):
        return (not self.only_ledger and not self.only_log
                and not self.differing
                and all(self.equal(g) for g in self.groups.values()))


def within(time, options):
    return ((not options.time_from or time >= options.time_from)
            and (not options.time_to or time < options.time_to))


def compare(ledger, log, bill, options, progress):
    """log: request id -> Call, or None; bill: lines, or None"""
    result = Result()
    result.has_log = log is not None
    result.has_bill = bill is not None
    result.percent = options.tolerance
    seen = set()
    for call in ledger:
        other = log.get(call.id) if log and call.id else None
        if other is not None and call.id not in seen:
            seen.add(call.id)
            pair(result, call, other, options, progress)
        else:
            alone(result, call, options, progress)
    for call in (log or {}).values():
        if call.id not in seen:
            stranger(result, call, options, progress)
    for line in bill or ():
        billed(result, line, options)
    return result


def pair(result, call, other, options, progress):
    """A call that both have counts on AWS's day, under AWS's name."""
    if not within(other.time, options):
        return
    if not call.billed() and not other.billed():
        progress.count("calls that failed and cost nothing")
        return
    if (call.model, call.region) != (other.model, other.region):
        progress.count("calls with another model or region in AWS's log")
    same = call.same_tokens(other)
    group = result.group(other.day, other.model, other.region)
    # of what failed over the ledger knows the sum of all input only
    group.ledger.add(call, other.tokens if same else call.tokens)
    group.log.add(other, other.tokens)
    if not same:
        result.differing.append((call, other))


def alone(result, call, options, progress):
    if not within(call.time, options):
        return
    if not call.billed():
        progress.count("attempts that failed and cost nothing")
        return
    result.group(call.day, call.model, call.region) \
          .ledger.add(call, call.tokens)
    if result.has_log:
        result.only_ledger.append(call)


def stranger(result, call, options, progress):
    if not within(call.time, options):
        return
    if not call.billed():
        progress.count("calls that failed and cost nothing")
        return
    result.group(call.day, call.model, call.region).log.add(call, call.tokens)
    result.only_log.append(call)


def billed(result, line, options):
    time, model, region, kind, tokens, cost = line
    if not within(time, options):
        return
    side = result.group(time.strftime("%Y-%m-%d"), model, region).bill
    side.lines += 1
    side.cost += cost
    if kind in KINDS:
        if tokens is None:
            side.complete = False
        else:
            side.tokens[KINDS.index(kind)] += tokens
