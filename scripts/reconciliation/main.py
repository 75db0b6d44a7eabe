"""Options, and what is done with them."""

import argparse
import os
import sys
from decimal import Decimal, InvalidOperation

from . import bill, invocations, ledger, report
from .common import Progress, Trouble, parse_time
from .compare import compare
from .models import Names

EXAMPLES = """
exit status: 0 all is equal, 1 there are differences, 2 it could not be compared

examples:
  reconcile --store /var/lib/nginx/llm_gov --invocations ./AWSLogs \\
            --from 2026-11-01 --to 2026-12-01
  reconcile --url http://127.0.0.1:8080/llm/logs --invocations export.json.gz
  reconcile --ledger attempts.ndjson --bill cur-00001.csv.gz --format csv
"""


def time_option(text):
    try:
        return parse_time(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def name_option(text):
    name, equals, model = text.partition("=")
    if not equals or not name or not model:
        raise argparse.ArgumentTypeError(
            "write NAME=MODEL, as Claude4.5Sonnet="
            "anthropic.claude-sonnet-4-5-20250929-v1:0")
    return name, model


def header_option(text):
    if ": " not in text:
        raise argparse.ArgumentTypeError("write \"Name: value\"")
    return text


def percent_option(text):
    try:
        value = Decimal(text.rstrip("%"))
    except InvalidOperation:
        value = Decimal(-1)
    if not 0 <= value <= 100:
        raise argparse.ArgumentTypeError("write a percentage, as 0.5")
    return value


def count_option(text):
    if not text.isdecimal():
        raise argparse.ArgumentTypeError("write a number, as 100")
    return int(text)


def parser():
    p = argparse.ArgumentParser(
        prog="reconcile", epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Holds the ledger against AWS's model invocation logs and "
                    "its bill: sums by day, model and region, and each call "
                    "that only one of them has. See docs/reconcile.md.")
    ours = p.add_argument_group("the ledger (at least one)")
    ours.add_argument("--store", metavar="DIR", action="append", default=[],
                      help="the folder of llm_store")
    ours.add_argument("--url", metavar="URL", action="append", default=[],
                      help="the gateway's /llm/logs")
    ours.add_argument("--ledger", metavar="PATH", action="append", default=[],
                      help="exported rows: NDJSON, JSON, CSV of attempts")
    ours.add_argument("--header", type=header_option, action="append",
                      default=[], metavar="HEADER",
                      help="sent with --url, as \"Authorization: …\"")
    aws = p.add_argument_group("AWS (at least one)")
    aws.add_argument("--invocations", metavar="PATH", action="append",
                     default=[], help="model invocation logs: files or "
                     "folders, gzip or not, of S3 or CloudWatch")
    aws.add_argument("--bill", "--cur", metavar="PATH", action="append",
                     default=[], help="Cost and Usage Report, CSV, legacy or "
                     "2.0, gzip or not")
    some = p.add_argument_group("which of it")
    some.add_argument("--from", dest="time_from", type=time_option,
                      metavar="TIME", help="of AWS's clock, UTC")
    some.add_argument("--to", dest="time_to", type=time_option,
                      metavar="TIME", help="not included")
    some.add_argument("--account", action="append", default=[],
                      help="AWS account id; others are left out")
    some.add_argument("--identity", action="append", default=[],
                      metavar="PATTERN", help="IAM ARN, may have \"*\": "
                      "calls of others are left out")
    some.add_argument("--model", type=name_option, action="append", default=[],
                      metavar="NAME=MODEL", help="what AWS, or the ledger, "
                      "calls NAME is this model")
    some.add_argument("--tolerance", type=percent_option, default=Decimal(0),
                      metavar="PERCENT", help="of cost, for the bill (default "
                      "0: rounding only)")
    out = p.add_argument_group("the report")
    out.add_argument("--format", choices=sorted(report.FORMATS),
                     default="text")
    out.add_argument("--limit", type=count_option, default=100,
                     help="calls that the text shows (default 100)")
    return p


def run(options):
    progress = Progress()
    names = Names(options.model)
    calls = ledger.read(options, names, progress)
    log = invocations.read(options.invocations, options, names, progress) \
        if options.invocations else None
    lines = bill.read(options.bill, options, names, progress) \
        if options.bill else None
    result = compare(calls, log, lines, options, progress)
    report.FORMATS[options.format](result, progress, options, sys.stdout)
    sys.stdout.flush()
    return 0 if result.all_equal() else 1


def main():
    options = parser().parse_args()
    if not (options.store or options.url or options.ledger):
        parser().error("where is the ledger? --store, --url or --ledger")
    if not (options.invocations or options.bill):
        parser().error("what does AWS say? --invocations or --bill")
    if options.time_from and options.time_to \
            and options.time_from >= options.time_to:
        parser().error("--from is not before --to")
    try:
        return run(options)
    except Trouble as trouble:
        print(f"reconcile: {trouble}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
