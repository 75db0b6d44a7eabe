"""Verification of SigV4 signatures: our own, or botocore's for the tests."""

import calendar
import hashlib
import hmac
import time
from urllib.parse import parse_qsl, quote

from . import clock

ALGORITHM = "AWS4-HMAC-SHA256"
MAX_SKEW = 300


class Refused(Exception):
    """Why a request is not let in: an AWS error name and text."""

    def __init__(self, name, message, status=403):
        super().__init__(message)
        self.name = name
        self.status = status


class Credential:
    def __init__(self, access_key, secret, token=None, source="static",
                 expires=None):
        self.access_key = access_key
        self.secret = secret
        self.token = token
        self.source = source
        self.expires = expires          # seconds since the epoch


class Signature:
    """The parts of an Authorization header."""

    def __init__(self, header):
        algorithm, _, rest = header.partition(" ")
        if algorithm != ALGORITHM:
            raise Refused("IncompleteSignatureException",
                          "Unsupported AWS 'algorithm'")
        parts = {}
        for part in rest.split(","):
            name, _, value = part.strip().partition("=")
            parts[name] = value
        try:
            self.signature = parts["Signature"]
            self.signed_headers = parts["SignedHeaders"].split(";")
            (self.access_key, self.date, self.region, self.service,
             terminator) = parts["Credential"].split("/")
        except (KeyError, ValueError):
            raise Refused("IncompleteSignatureException",
                          "Authorization header is incomplete") from None
        if terminator != "aws4_request":
            raise Refused("IncompleteSignatureException",
                          "Credential should end in 'aws4_request'")

    @property
    def scope(self):
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


def _hmac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def canonical_request(request, signed_headers, body_hash):
    """Path as on the wire, encoded once more; query sorted."""
    path = quote(request.path, safe="/-_.~")
    query = "&".join(
        f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in
        sorted(parse_qsl(request.raw_query, keep_blank_values=True)))
    headers = "".join(
        f"{name}:{' '.join((request.header(name) or '').split())}\n"
        for name in signed_headers)
    return "\n".join((request.method, path, query, headers,
                      ";".join(signed_headers), body_hash))


def own_signature(request, signature, credential, amz_date, body_hash):
    canonical = canonical_request(request, signature.signed_headers, body_hash)
    to_sign = "\n".join((ALGORITHM, amz_date, signature.scope,
                         hashlib.sha256(canonical.encode()).hexdigest()))
    key = _hmac(b"AWS4" + credential.secret.encode(), signature.date)
    for part in (signature.region, signature.service, "aws4_request"):
        key = _hmac(key, part)
    return _hmac(key, to_sign).hex()


def botocore_signature(request, signature, credential, amz_date, body_hash):
    """What botocore signs for the request that was received."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    class Signer(SigV4Auth):
        def headers_to_sign(self, _request):
            return _request.headers

    received = AWSRequest(
        method=request.method, data=request.body,
        url=f"{request.scheme}://{request.header('host')}{request.target}",
        headers={name: request.header(name)
                 for name in signature.signed_headers})
    received.context["timestamp"] = amz_date
    signer = Signer(Credentials(credential.access_key, credential.secret,
                                credential.token),
                    signature.service, signature.region)
    canonical = signer.canonical_request(received)
    to_sign = signer.string_to_sign(received, canonical)
    return signer.signature(to_sign, received)


class Verifier:
    def __init__(self, how="own"):
        self.how = how
        self.credentials = {}
        self.bearers = set()
        self.signature_of = {"own": own_signature,
                             "botocore": botocore_signature}.get(how)
        if how == "botocore":
            import botocore.auth  # noqa: F401  (fail at start, not later)

    def add(self, credential):
        self.credentials[credential.access_key] = credential

    def verify(self, request, service):
        """Returns (access key id or "bearer", region); raises Refused."""
        header = request.header("authorization")
        if header is None:
            raise Refused("MissingAuthenticationTokenException",
                          "Missing Authentication Token")
        if header.lower().startswith("bearer "):
            return self._bearer(header[7:].strip())
        signature = Signature(header)
        if self.how == "none":
            return signature.access_key, signature.region
        credential = self._credential(request, signature)
        amz_date = self._date(request, signature)
        self._check_shape(request, signature, service)
        body_hash = hashlib.sha256(request.body).hexdigest()
        if request.header("x-amz-content-sha256", body_hash) != body_hash:
            raise Refused("InvalidSignatureException",
                          "The provided 'x-amz-content-sha256' header does "
                          "not match what was computed.")
        expected = self.signature_of(request, signature, credential,
                                     amz_date, body_hash)
        if not hmac.compare_digest(expected, signature.signature):
            raise Refused("InvalidSignatureException",
                          "The request signature we calculated does not match "
                          "the signature you provided. Check your AWS Secret "
                          "Access Key and signing method. Consult the service "
                          "documentation for details.")
        return signature.access_key, signature.region

    def _bearer(self, value):
        if self.how != "none" and value not in self.bearers:
            raise Refused("AccessDeniedException",
                          "Authentication failed: Please make sure your API "
                          "Key is valid.")
        return "bearer", None

    def _credential(self, request, signature):
        credential = self.credentials.get(signature.access_key)
        if credential is None:
            raise Refused("UnrecognizedClientException",
                          "The security token included in the request is "
                          "invalid.")
        token = request.header("x-amz-security-token")
        if token != credential.token:
            raise Refused("UnrecognizedClientException",
                          "The security token included in the request is "
                          "invalid.")
        if credential.expires is not None and clock.now() > credential.expires:
            raise Refused("ExpiredTokenException",
                          "The security token included in the request is "
                          "expired")
        return credential

    @staticmethod
    def _date(request, signature):
        amz_date = request.header("x-amz-date", "")
        try:
            when = calendar.timegm(time.strptime(amz_date, "%Y%m%dT%H%M%SZ"))
        except ValueError:
            raise Refused("IncompleteSignatureException",
                          "X-Amz-Date is missing or malformed") from None
        now = clock.now()
        if when < now - MAX_SKEW:
            raise Refused("InvalidSignatureException",
                          f"Signature expired: {amz_date} is now earlier than "
                          + time.strftime("%Y%m%dT%H%M%SZ (now - 5 min.)",
                                          time.gmtime(now - MAX_SKEW)))
        if when > now + MAX_SKEW:
            raise Refused("InvalidSignatureException",
                          f"Signature not yet current: {amz_date} is still "
                          "later than now")
        if signature.date != amz_date[:8]:
            raise Refused("InvalidSignatureException",
                          "Credential should be scoped with the date of the "
                          "request")
        return amz_date

    @staticmethod
    def _check_shape(request, signature, service):
        if signature.service != service:
            raise Refused("InvalidSignatureException",
                          "Credential should be scoped to correct service: "
                          f"'{service}'.")
        names = signature.signed_headers
        if names != sorted(names):
            raise Refused("InvalidSignatureException",
                          "SignedHeaders should be sorted")
        must = {"host", "x-amz-date"}
        must.update(name.lower() for name, _ in request.headers
                    if name.lower().startswith("x-amz-"))
        missing = must.difference(names)
        if missing:
            raise Refused("InvalidSignatureException",
                          "'" + "', '".join(sorted(missing))
                          + "' must be a signed header")
