"""Where AWS credentials come from: IMDSv2, the container endpoint, STS.

Every credential that is handed out is accepted by the verifier until it
expires.  POST /_sim/aws changes how the sources behave.
"""

import itertools
import json
import secrets
import time
from urllib.parse import parse_qs

from . import clock
from .sigv4 import Credential, Refused

DEFAULTS = {
    "expires_in": 3600,         # seconds that a credential is good for
    "imds": "up", "container": "up", "sts": "up",   # or a status to answer
    "role": "simulated-role",
    "container_token": None,    # Authorization that the container demands
    "web_identity_token": None,
    "external_id": None,
}

XML = """<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <{action}Result>
    <AssumedRoleUser>
      <Arn>arn:aws:sts::123456789012:assumed-role/{role}/{session}</Arn>
      <AssumedRoleId>AROAEXAMPLE:{session}</AssumedRoleId>
    </AssumedRoleUser>
    <Credentials>
      <AccessKeyId>{key}</AccessKeyId>
      <SecretAccessKey>{secret}</SecretAccessKey>
      <SessionToken>{token}</SessionToken>
      <Expiration>{expiration}</Expiration>
    </Credentials>
  </{action}Result>
  <ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>
</{action}Response>
"""

XML_ERROR = """<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>
  <RequestId>{request_id}</RequestId>
</ErrorResponse>
"""


def iso(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


class Sources:
    def __init__(self, verifier):
        self.verifier = verifier
        self._serial = itertools.count(1)
        self.reset()

    def reset(self):
        self.settings = dict(DEFAULTS)
        self.tokens = set()
        self.calls = []

    def change(self, settings):
        unknown = set(settings) - set(DEFAULTS)
        if unknown:
            raise ValueError("unknown members: " + ", ".join(sorted(unknown)))
        self.settings.update(settings)

    def issue(self, source):
        number = next(self._serial)
        credential = Credential(
            f"ASIASIM{source.upper()[:4]}{number:09d}",
            secrets.token_urlsafe(30), "token/" + secrets.token_urlsafe(90),
            source, clock.now() + self.settings["expires_in"])
        self.verifier.add(credential)
        return credential

    def owns(self, request):
        path = request.path
        return (path.startswith("/latest/") or path.startswith("/_aws/")
                or (path == "/" and request.method == "POST"))

    async def handle(self, connection, request, request_id):
        path = request.path
        self.calls.append({"method": request.method, "path": path})
        if path.startswith("/latest/"):
            await self._imds(connection, request)
        elif path.startswith("/_aws/"):
            await self._container(connection, request)
        else:
            await self._sts(connection, request, request_id)

    @staticmethod
    async def _text(connection, status, text, kind="text/plain"):
        await connection.reply(status, [("Content-Type", kind)],
                               text.encode())

    async def _imds(self, connection, request):
        state = self.settings["imds"]
        if state == "hang":
            return await connection.app.hang(connection)
        if state != "up":
            return await self._text(connection, int(state), "down")
        if request.path == "/latest/api/token":
            ttl = request.header("x-aws-ec2-metadata-token-ttl-seconds")
            if request.method != "PUT" or ttl is None:
                return await self._text(connection, 400, "Bad Request")
            token = secrets.token_urlsafe(40)
            self.tokens.add(token)
            return await connection.reply(
                200, [("Content-Type", "text/plain"),
                      ("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", ttl)],
                token.encode())
        if request.header("x-aws-ec2-metadata-token") not in self.tokens:
            return await self._text(connection, 401, "Unauthorized")
        prefix = "/latest/meta-data/iam/security-credentials/"
        if request.path == prefix:
            return await self._text(connection, 200, self.settings["role"])
        if request.path == prefix + self.settings["role"]:
            credential = self.issue("imds")
            return await self._text(connection, 200, json.dumps({
                "Code": "Success", "LastUpdated": iso(clock.now()),
                "Type": "AWS-HMAC", **self._json(credential)}),
                "application/json")
        await self._text(connection, 404, "Not Found")

    @staticmethod
    def _json(credential):
        return {"AccessKeyId": credential.access_key,
                "SecretAccessKey": credential.secret,
                "Token": credential.token,
                "Expiration": iso(credential.expires)}

    async def _container(self, connection, request):
        state = self.settings["container"]
        if state == "hang":
            return await connection.app.hang(connection)
        if state != "up":
            return await self._text(connection, int(state), "down")
        wanted = self.settings["container_token"]
        if wanted is not None and request.header("authorization") != wanted:
            return await self._text(connection, 401, "Unauthorized")
        credential = self.issue("ecs")
        await self._text(connection, 200, json.dumps(self._json(credential)),
                         "application/json")

    async def _sts(self, connection, request, request_id):
        form = {k: v[0] for k, v in
                parse_qs(request.body.decode("utf-8", "replace")).items()}
        state = self.settings["sts"]
        if state == "hang":
            return await connection.app.hang(connection)
        try:
            if state != "up":
                raise Refused("InternalFailure", "down", int(state))
            credential = self._assume(request, form)
        except Refused as error:
            return await self._text(
                connection, error.status, XML_ERROR.format(
                    code=error.name, message=error, request_id=request_id),
                "text/xml")
        await self._text(connection, 200, XML.format(
            action=form["Action"], role=form["RoleArn"].rpartition("/")[2],
            session=form["RoleSessionName"], key=credential.access_key,
            secret=credential.secret, token=credential.token,
            expiration=iso(credential.expires), request_id=request_id),
            "text/xml")

    def _assume(self, request, form):
        action = form.get("Action")
        self.calls[-1].update(action=action, form={
            k: v for k, v in form.items() if k != "WebIdentityToken"})
        if form.get("Version") != "2011-06-15":
            raise Refused("InvalidAction", "Could not find operation", 400)
        for name in ("RoleArn", "RoleSessionName"):
            if not form.get(name):
                raise Refused("ValidationError", f"{name} is missing", 400)
        if action == "AssumeRole":
            self.verifier.verify(request, "sts")
            wanted = self.settings["external_id"]
            if wanted is not None and form.get("ExternalId") != wanted:
                raise Refused("AccessDenied", "not authorized to perform: "
                              "sts:AssumeRole")
            return self.issue("role")
        if action == "AssumeRoleWithWebIdentity":
            wanted = self.settings["web_identity_token"]
            if wanted is not None and form.get("WebIdentityToken") != wanted:
                raise Refused("InvalidIdentityToken", "Couldn't retrieve "
                              "verification key", 400)
            return self.issue("webi")
        raise Refused("InvalidAction", "Could not find operation", 400)
