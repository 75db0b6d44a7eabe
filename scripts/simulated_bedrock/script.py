"""The queue of behaviours that the control API sets."""

from .answers import BadBehaviour, check_behaviour

MATCHES = ("model", "region", "access_key", "host", "path", "sni")


class Queue:
    def __init__(self):
        self.items = []

    def reset(self):
        self.items = []

    def extend(self, items):
        """Adds behaviours; "times" (default 1, -1 for ever), "match"."""
        if isinstance(items, dict):
            items = items.get("list", [items])
        if not isinstance(items, list):
            raise BadBehaviour("a list of behaviours is expected")
        for item in items:
            check_behaviour(item)
            match = item.get("match", {})
            if not isinstance(match, dict) or set(match) - set(MATCHES):
                raise BadBehaviour("match knows " + ", ".join(MATCHES))
        self.items += [dict(item) for item in items]
        return len(self.items)

    def take(self, facts):
        """The first behaviour that matches, or None."""
        for index, item in enumerate(self.items):
            if all(str(value) in str(facts.get(name) or "")
                   for name, value in item.get("match", {}).items()):
                times = item.get("times", 1)
                if times > 0:
                    item["times"] = times - 1
                    if times == 1:
                        del self.items[index]
                return {k: v for k, v in item.items()
                        if k not in ("match", "times")}
        return None
