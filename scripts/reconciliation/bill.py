"""A Cost and Usage Report as CSV: the legacy one (lineItem/UsageStartDate) and
CUR 2.0 of AWS Data Exports (line_item_usage_start_date)."""

import csv
import fnmatch
import json
import re

from .common import Trouble, dollars, files, parse_time, reading
from .models import REGIONS

# of the same family, but they call no model
OTHERS = {"AmazonBedrockAgentCore"}

# columns of which one names Bedrock where a line is of it; most lines of a
# bill are of something else
TELLING = {"lineitem/productcode", "line_item_product_code",
           "product/productname", "product_product_name",
           "product/servicename", "product_servicename", "product",
           "lineitem/lineitemdescription", "line_item_line_item_description"}

# a line of the bill that stands for use
USAGE = {"Usage", "DiscountedUsage", "SavingsPlanCoveredUsage"}

KIND = re.compile(
    r"(?P<name>.*?)[-_]?(?:mantle[-_])?(?:text[-_])?"
    r"(?P<kind>cache[-_]?reads?|cache[-_]?writes?|input|output|response)"
    r"(?:[-_]?\d+[mh])?(?:[-_]?input)?[-_]?tokens?(?:[-_]?count)?(?![a-z])",
    re.IGNORECASE)
KINDS = {"cacheread": "cache_read", "cachewrite": "cache_write",
         "response": "output"}

# a line of Marketplace: "USE1-MP:USE1_InputTokenCount-Units"
MARKET = re.compile(r"MP:([A-Z]+\d?)_")


class Row:
    """A line of the report by the legacy column's name or the new one's."""

    def __init__(self, line):
        self.line = line
        self.product = {}
        text = line.get("product") or ""
        if text.startswith("{"):
            try:
                self.product = {str(k).lower(): v
                                for k, v in json.loads(text).items()}
            except (ValueError, RecursionError):
                pass

    def get(self, legacy):
        value = self.line.get(legacy.lower())
        if value:
            return value
        group, _, name = legacy.partition("/")
        snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
        group = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", group).lower()
        value = self.line.get(f"{group}_{snake}")
        if value:
            return value
        if group == "product":
            return self.product.get(snake) \
                or self.product.get(name.lower()) or ""
        return ""


def is_bedrock(row):
    """Bedrock itself, or a model that AWS Marketplace sells on it."""
    if row.get("lineItem/ProductCode").startswith("AmazonBedrock"):
        return True
    return "bedrock edition" in " ".join(
        row.get(name).lower() for name in
        ("product/ProductName", "product/servicename",
         "lineItem/LineItemDescription"))


def kind_of(usage_type):
    """(what the model is called there, kind of tokens, prefix of the region);
    kind None: no tokens."""
    prefix, dash, rest = usage_type.partition("-")
    if not dash or not re.fullmatch(r"[A-Z]{2,3}\w?\d?", prefix):
        prefix, rest = "", usage_type
    market = MARKET.match(rest)
    if market:
        # InputTokenCount -> Input-Token-Count; names keep their capitals
        rest = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", rest[market.end():])
    found = KIND.match(rest)
    if not found:
        return "", None, prefix
    kind = re.sub(r"[-_]", "", found["kind"].lower())
    if kind.startswith("cache"):
        kind = kind.rstrip("s")
    name = re.sub(r"(?i)[-_]latency[-_]?optimized\Z", "", found["name"])
    return name.strip("-_"), KINDS.get(kind, kind), prefix


def is_batch(usage_type):
    """Batch inference does not pass the gateway."""
    return re.search(r"(?i)[-_]batch(?![a-z])", usage_type) is not None


def unit_of(row):
    """Tokens in one unit of UsageAmount; None: not known."""
    text = (row.get("pricing/unit") or "").lower()
    if re.search(r"1k|1,?000 tokens|thousand", text):
        return 1000
    if re.search(r"1m|1,?000,?000 tokens|million", text):
        return 1000000
    if re.fullmatch(r"tokens?", text):
        return 1
    if text in ("units", "unit", ""):
        about = row.get("lineItem/LineItemDescription").lower()
        if re.search(r"1k|1,?000 |thousand", about):
            return 1000
        # Marketplace's units are millions, whether it says so or not
        if "million" in about or "1m" in about \
                or "MP:" in row.get("lineItem/UsageType"):
            return 1000000
    return None


def model_of(row, name):
    resource = row.get("lineItem/ResourceId")
    if "foundation-model/" in resource or "inference-profile/" in resource:
        return resource
    return name or row.get("product/model") or re.sub(
        r"\s*\(Amazon Bedrock Edition\)\s*$", "",
        row.get("product/ProductName") or row.get("product/servicename"))


def region_of(row, prefix):
    return row.get("product/regionCode") or row.get("product/region") \
        or REGIONS.get(prefix) or "unknown"


def wanted(row, options):
    arn = row.get("lineItem/IamPrincipal")
    return ((not options.account
             or row.get("lineItem/UsageAccountId") in options.account)
            and (not options.identity
                 or any(fnmatch.fnmatchcase(arn, pattern)
                        for pattern in options.identity)))


def read(paths, options, names, progress):
    """[(day, model, region, kind, tokens, dollars)]; tokens None: not known"""
    lines = []
    for path, named in files(paths):
        if not named and not path.endswith((".csv", ".gz", ".zip",
                                            ".parquet")):
            continue
        lines.extend(read_file(path, options, names, progress))
    if not lines:
        raise Trouble("no line of Amazon Bedrock in " + ", ".join(paths)
                      + (" for this --account or --identity (a bill has "
                         "identities where AWS is asked to export them: "
                         "line_item_iam_principal)"
                         if options.account or options.identity else ""))
    return lines


def read_file(path, options, names, progress):
    csv.field_size_limit(1 << 24)
    with reading(path) as text:
        reader = csv.reader(text)
        try:
            head = [name.strip().lower() for name in next(reader, [])]
            if "lineitem/usagestartdate" not in head \
                    and "line_item_usage_start_date" not in head:
                raise Trouble(f"{path}: no Cost and Usage Report: its first "
                              f"line has neither lineItem/UsageStartDate nor "
                              f"line_item_usage_start_date")
            telling = [i for i, name in enumerate(head) if name in TELLING]
            for fields in reader:
                if any("edrock" in fields[i] for i in telling
                       if i < len(fields)):
                    row = Row(dict(zip(head, fields)))
                    if is_bedrock(row):
                        yield from line_of(row, options, names, progress)
        except UnicodeDecodeError:
            raise
        except (csv.Error, ValueError, ArithmeticError) as error:
            raise Trouble(f"{path}:{reader.line_num}: {error}") from None


def line_of(row, options, names, progress):
    if not wanted(row, options):
        progress.count("lines of the bill of other accounts or identities")
        return
    cost = dollars(row.get("lineItem/UnblendedCost"))
    sort = row.get("lineItem/LineItemType")
    if sort and sort not in USAGE:
        progress.count(f"lines of the bill that are no usage ({sort})")
        return
    usage_type = row.get("lineItem/UsageType")
    if row.get("lineItem/ProductCode") in OTHERS:
        progress.count("lines of the bill of what calls no model "
                       f"({row.get('lineItem/ProductCode')})")
        return
    name, kind, prefix = kind_of(usage_type)
    tokens = None
    if kind is None:
        progress.count(f"lines of the bill without tokens ({usage_type})")
        kind = "other"
    else:
        unit = unit_of(row)
        if unit is None:
            progress.count(f"lines of the bill whose unit is not known "
                           f"({usage_type}: {row.get('pricing/unit')!r})")
        else:
            amount = dollars(row.get("lineItem/UsageAmount")) * unit
            tokens = int(amount.to_integral_value())
    yield (parse_time(row.get("lineItem/UsageStartDate")),
           names.find(model_of(row, name) or usage_type)
           + (" (batch)" if is_batch(usage_type) else ""),
           region_of(row, prefix), kind, tokens, cost)
