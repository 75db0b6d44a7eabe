"""The result as text, CSV or JSON."""

import csv
import json
import sys

from .common import KINDS, money_text, time_text


def sides(result):
    found = [("ledger", "ledger")]
    if result.has_log:
        found.append(("log", "AWS log"))
    if result.has_bill:
        found.append(("bill", "AWS bill"))
    return found


def sums(side, name):
    """calls, tokens, cost; None where this source does not say"""
    calls = None if name == "bill" else side.calls
    tokens = list(side.tokens)
    if not side.complete:
        tokens = [None] * len(tokens)
    cost = None if name == "log" else side.cost
    return [calls] + tokens + [cost]


def difference(group, name):
    ours = sums(group.ledger, "ledger")
    theirs = sums(getattr(group, name), name)
    return [None if b is None else a - b for a, b in zip(ours, theirs)]


def differences(result):
    """(what, call of the ledger, call of the log), by time"""
    found = [("only in the ledger", call, None) for call in result.only_ledger]
    found += [("only in AWS's log", None, call) for call in result.only_log]
    found += [("tokens differ", a, b) for a, b in result.differing]
    return sorted(found, key=lambda d: ((d[1] or d[2]).time,
                                        str((d[1] or d[2]).id)))


def cell(value):
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else money_text(value)


def text(result, progress, options, out):
    head = ["", "calls"] + [k.replace("_", " ") for k in KINDS] + ["cost $"]
    for (day, model, region), group in sorted(result.groups.items()):
        rows = [head]
        for name, title in sides(result):
            rows.append([title] + [cell(v) for v in
                                   sums(getattr(group, name), name)])
        for name, title in sides(result)[1:]:
            rows.append([f"ledger - {title[4:]}"]
                        + [cell(v) for v in difference(group, name)])
        widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
        equal = "equal" if result.equal(group) else "DIFFERENT"
        out.write(f"{day}  {model}  {region}  {equal}\n")
        for row in rows:
            out.write("  " + row[0].ljust(widths[0]) + "".join(
                "  " + value.rjust(width)
                for value, width in zip(row[1:], widths[1:])) + "\n")
        out.write("\n")
    text_calls(result, options, out)
    for note, n in sorted(progress.notes.items()):
        out.write(f"note: {note}" + (f": {n}\n" if n else "\n"))
    out.write("equal\n" if result.all_equal() else "there are differences\n")


def text_tokens(call):
    if not call.split:
        return f"input in all {call.tokens[0]}, output {call.tokens[1]}"
    return ", ".join(f"{kind.replace('_', ' ')} {n}"
                     for kind, n in zip(KINDS, call.tokens))


def text_calls(result, options, out):
    found = differences(result)
    for what, ours, theirs in found[:options.limit]:
        call = ours or theirs
        out.write(f"{what}: {time_text(call.time)} "
                  f"{call.id or '(no request id)'} {call.model} "
                  f"{call.region}")
        if ours:
            out.write(f", row {ours.row}"
                      + (f" ({ours.note})" if ours.note else ""))
        out.write("\n")
        if ours:
            out.write(f"  ledger:  {text_tokens(ours)}, "
                      f"${money_text(ours.cost)}\n")
        if theirs:
            out.write(f"  AWS log: {text_tokens(theirs)}"
                      + (f" ({theirs.note})" if theirs.note else "") + "\n")
    if len(found) > options.limit:
        out.write(f"… and {len(found) - options.limit} more calls, see "
                  f"--limit\n")
    if found:
        out.write("\n")


def json_sums(values):
    calls, cost = values[0], values[-1]
    return {"calls": calls, "tokens": dict(zip(KINDS, values[1:-1])),
            "cost": None if cost is None else money_text(cost)}


def json_call(call):
    if call is None:
        return None
    tokens = dict(zip(KINDS, call.tokens)) if call.split else {
        "all_input": call.tokens[0], "output": call.tokens[1]}
    found = {"time": time_text(call.time), "model": call.model,
             "region": call.region, "tokens": tokens,
             "note": call.note or None}
    if call.row is not None:
        found.update(row=call.row, cost=money_text(call.cost))
    return found


def as_json(result, progress, _options, out):
    groups = []
    for (day, model, region), group in sorted(result.groups.items()):
        item = {"day": day, "model": model, "region": region,
                "equal": result.equal(group)}
        for name, _title in sides(result):
            item[name] = json_sums(sums(getattr(group, name), name))
        for name, _title in sides(result)[1:]:
            item[f"ledger_minus_{name}"] = json_sums(difference(group, name))
        groups.append(item)
    calls = [{"what": what.replace("'s", "").replace(" ", "_").lower(),
              "request_id": (ours or theirs).id, "ledger": json_call(ours),
              "log": json_call(theirs)}
             for what, ours, theirs in differences(result)]
    json.dump({"equal": result.all_equal(), "groups": groups, "calls": calls,
               "notes": dict(sorted(progress.notes.items()))}, out, indent=1)
    out.write("\n")


def as_csv(result, progress, _options, out):
    """Two sorts of lines: sums (request_id is empty), and single calls."""
    writer = csv.writer(out, lineterminator="\r\n")
    names = ["calls", *KINDS, "cost"]
    head = ["what", "day", "model", "region", "request_id", "row"]
    for name, _title in sides(result):
        head += [f"{name}_{n}" for n in names]
    writer.writerow(head)

    def values(items):
        return ["" if v is None else cell(v) for v in items]

    for key, group in sorted(result.groups.items()):
        line = ["equal" if result.equal(group) else "different", *key, "", ""]
        for name, _title in sides(result):
            line += values(sums(getattr(group, name), name))
        writer.writerow(line)
    for what, ours, theirs in differences(result):
        call = ours or theirs
        line = [what, call.day, call.model, call.region, call.id or "",
                ours.row if ours else ""]
        for name, _title in sides(result):
            side = {"ledger": ours, "log": theirs}.get(name)
            line += [""] * len(names) if side is None else values(
                [1, *side.tokens, side.cost])
        writer.writerow(line)
    for note, n in sorted(progress.notes.items()):
        print(f"note: {note}: {n}", file=sys.stderr)


FORMATS = {"text": text, "json": as_json, "csv": as_csv}
