"""Names of models: ids, ARNs, inference profiles, and what a bill calls
them."""

import re

GEOS = ("us-gov.", "us.", "eu.", "apac.", "au.", "jp.", "ca.", "global.")

# usage types begin with these where the bill names no region
REGIONS = {
    "USE1": "us-east-1", "USE2": "us-east-2", "USW1": "us-west-1",
    "USW2": "us-west-2", "CAN1": "ca-central-1", "CAN2": "ca-west-1",
    "EU": "eu-west-1", "EUW1": "eu-west-1", "EUW2": "eu-west-2",
    "EUW3": "eu-west-3", "EUC1": "eu-central-1", "EUC2": "eu-central-2",
    "EUN1": "eu-north-1", "EUS1": "eu-south-1", "EUS2": "eu-south-2",
    "APN1": "ap-northeast-1", "APN2": "ap-northeast-2",
    "APN3": "ap-northeast-3", "APS1": "ap-southeast-1",
    "APS2": "ap-southeast-2", "APS3": "ap-south-1", "APS4": "ap-southeast-3",
    "APS5": "ap-south-2", "APS6": "ap-southeast-4", "APE1": "ap-east-1",
    "SAE1": "sa-east-1", "MES1": "me-south-1", "MEC1": "me-central-1",
    "AFS1": "af-south-1", "ILC1": "il-central-1",
    "UGW1": "us-gov-west-1", "UGE1": "us-gov-east-1",
}

VENDORS = {"anthropic", "amazon", "meta", "mistral", "cohere", "ai21",
           "deepseek", "openai", "qwen", "google", "writer", "nvidia",
           "stability", "twelvelabs", "luma", "moonshotai", "minimax", "zai"}


def base(model):
    """The model behind an ARN and a geographic inference profile.  What an
    application inference profile stands for only its owner knows: it stays,
    without region and account."""
    model = str(model or "")
    if model.startswith("arn:"):
        parts = model.split(":", 5)
        if len(parts) < 6:
            return model
        resource = parts[5]
        kind, _, name = resource.partition("/")
        if kind not in ("foundation-model", "inference-profile") or not name:
            return resource
        model = name
    for geo in GEOS:
        if model.startswith(geo) and "." in model[len(geo):]:
            return model[len(geo):]
    return model


def _words(name):
    """Letters and numbers of a name, in no order: Claude4.5Sonnet and
    claude-sonnet-4-5 are the same.  A release's date and version are no part
    of what a bill says, nor is the vendor."""
    name = re.sub(r"(?i)deepseek|openai|minimax|moonshotai|twelvelabs",
                  lambda found: found[0].lower(), name)
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
    name = re.sub(r"\(amazon bedrock edition\)", " ", name)
    name = re.sub(r"[-.](?:19|20)\d{6}(?=\D|$)", " ", name)
    name = re.sub(r"[- ](?:v\d+(?::\d+)*|\d+:\d+)(?::\d+k)?$", " ", name)
    words = re.findall(r"[a-z]+|\d+", name)
    words = [w for w in words
             if w not in VENDORS and w not in ("text", "instruct")]
    numbers = [w.lstrip("0") for w in words if w.isdigit()]
    letters = [w for w in words if not w.isdigit()]
    return tuple(sorted(n for n in numbers if n)), "".join(sorted(letters))


class Names:
    """Finds the model that a bill means among those that were called."""

    def __init__(self, given):
        self.given = dict(given)
        self.known = {}

    def base(self, model):
        model = str(model or "unknown")
        return self.given.get(model) or self.given.get(base(model)) \
            or base(model)

    def add(self, model):
        self.known.setdefault(_words(model), set()).add(model)

    def find(self, name):
        """The model called so; the name itself if there is none, or several."""
        model = base(name)
        given = self.given.get(name) or self.given.get(model)
        if given:
            return given
        found = self.known.get(_words(model), set())
        if model in found:
            return model
        if len(found) == 1:
            return next(iter(found))
        return model
