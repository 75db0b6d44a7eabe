"""The control API, on the same port, under /_sim/.

POST /_sim/script       behaviours for the next requests: a list of objects,
                        each with optional "match" and "times"
POST /_sim/defaults     a behaviour for every request from now on
POST /_sim/credentials  {"add": [{access_key, secret, token, expires_in}],
                        "remove": [access key ids], "bearer": [keys],
                        "remove_bearer": [keys]}
POST /_sim/clock        {"offset": seconds}: what time it is at AWS
POST /_sim/aws          how IMDS, the container endpoint and STS behave
POST /_sim/reset        forget totals, requests, script; new prices are read
GET  /_sim/requests     what was received; ?since=N&limit=N&body=1
GET  /_sim/totals       what was served, its tokens and nanodollars
GET  /_sim/state        open connections, queue length, credential calls
"""

import json

from . import clock
from .answers import BadBehaviour, check_behaviour
from .eventstream import compact
from .sigv4 import Credential


class Control:
    def __init__(self, app):
        self.app = app

    async def handle(self, connection, request):
        name = request.path[len("/_sim/"):]
        action = getattr(self, f"{request.method.lower()}_{name}", None)
        if action is None:
            return await self._reply(connection, 404, {"error": "no such"})
        try:
            value = action(request)
        except (BadBehaviour, ValueError, KeyError, TypeError) as error:
            return await self._reply(connection, 400, {"error": str(error)})
        return await self._reply(connection, 200, value)

    @staticmethod
    async def _reply(connection, status, value):
        await connection.reply(status, [("Content-Type", "application/json")],
                               compact(value).encode() + b"\n")

    def post_script(self, request):
        return {"queued": self.app.queue.extend(json.loads(request.body))}

    def post_defaults(self, request):
        self.app.defaults = check_behaviour(json.loads(request.body))
        return {}

    def post_credentials(self, request):
        given = json.loads(request.body)
        verifier = self.app.verifier
        for item in given.get("add", []):
            expires = item.get("expires_in")
            if expires is not None:
                expires += self.app.now()
            verifier.add(Credential(item["access_key"], item["secret"],
                                    item.get("token"), "control", expires))
        for name in given.get("remove", []):
            verifier.credentials.pop(name, None)
        verifier.bearers.update(given.get("bearer", []))
        verifier.bearers.difference_update(given.get("remove_bearer", []))
        return {"known": sorted(verifier.credentials)}

    def post_aws(self, request):
        self.app.sources.change(json.loads(request.body))
        return self.app.sources.settings

    def post_clock(self, request):
        clock.offset = float(json.loads(request.body)["offset"])
        return {"offset": clock.offset}

    def post_reset(self, _request):
        self.app.reset()
        return {}

    def get_requests(self, request):
        query = request.query
        since = int(query.get("since", 0))
        limit = int(query.get("limit", 1000))
        with_body = query.get("body") == "1"
        found = [record for record in self.app.records
                 if record["serial"] > since][:limit]
        return [{k: v for k, v in record.items()
                 if k != "body" or with_body} for record in found]

    def get_totals(self, _request):
        return self.app.totals.report()

    def get_state(self, _request):
        return {"connections": len(self.app.connections) - 1,
                "queue": self.app.queue.items,
                "credential_calls": self.app.sources.calls,
                "recordings": self.app.recordings.names()}
