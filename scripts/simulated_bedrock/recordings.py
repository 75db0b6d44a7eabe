"""Recorded exchanges, played back by name.

A recording is a folder with response.headers (status line and headers) and
response.json, response.bin or response.sse; usage.json or the collection's
expected-usage.json has what it bills.
"""

import json
import os

from .answers import Usage

OWN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "recordings")
HOP = {"connection", "content-length", "transfer-encoding", "date",
       "content-encoding"}


class Recording:
    def __init__(self, folder, usage):
        with open(os.path.join(folder, "response.headers"),
                  encoding="utf-8") as file:
            lines = file.read().splitlines()
        self.status = int(lines[0].split()[0])
        self.headers = []
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if colon and name.lower() not in HOP:
                self.headers.append((name, value.strip()))
        self.body = b""
        for ending in ("json", "bin", "sse"):
            path = os.path.join(folder, f"response.{ending}")
            if os.path.exists(path):
                with open(path, "rb") as file:
                    self.body = file.read()
        self.streams = not os.path.exists(
            os.path.join(folder, "response.json"))
        self.usage = usage


class Recordings:
    def __init__(self, folders):
        self.folders = [OWN] + list(folders)
        self.loaded = {}

    def names(self):
        return sorted({name for folder in self.folders
                       if os.path.isdir(folder)
                       for name in os.listdir(folder)
                       if os.path.isdir(os.path.join(folder, name))})

    def get(self, name):
        """A Recording; KeyError if there is none of that name."""
        if name not in self.loaded:
            self.loaded[name] = self._load(name)
        return self.loaded[name]

    def _load(self, name):
        if "/" in name or name.startswith("."):
            raise KeyError(name)
        for folder in self.folders:
            path = os.path.join(folder, name)
            if os.path.isdir(path):
                return Recording(path, self._usage(folder, name))
        raise KeyError(name)

    @staticmethod
    def _usage(folder, name):
        path = os.path.join(folder, "expected-usage.json")
        if not os.path.exists(path):
            return Usage()
        with open(path, encoding="utf-8") as file:
            found = json.load(file).get(name, {}).get("usage") or {}
        return Usage(**{kind: found.get(kind, 0) for kind in
                        ("input", "output", "cache_read", "cache_write_5m",
                         "cache_write_1h")})
