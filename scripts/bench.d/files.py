"""What scripts/bench writes: configurations, bodies, answers, a certificate."""

import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(
    os.path.realpath(__file__))))
sys.dont_write_bytecode = True

from simulated_bedrock.eventstream import chunk  # noqa: E402

MODEL = "anthropic.claude-sonnet-4-20250514-v1:0"
ALIAS = "claude-sonnet-4-20250514"
EVENTS = 100

KEYS = {name: f"vk-bench-{name}-0123456789abcdef"
        for name in ("bearer", "sigv4", "burst", "empty")}

COMMON = """
user root;
daemon off;
worker_processes 1;
worker_cpu_affinity 1;
error_log logs/error.log crit;
pid logs/nginx.pid;
events { worker_connections 8192; }
"""

HTTP = """
    client_body_temp_path temp/body;
    proxy_temp_path temp/proxy;
    fastcgi_temp_path temp/fastcgi;
    uwsgi_temp_path temp/uwsgi;
    scgi_temp_path temp/scgi;
    client_body_buffer_size 256k;
    client_max_body_size 32m;
    keepalive_requests 1000000;
"""

PLAIN = COMMON + """
http {
""" + HTTP + """
    log_format usage escape=json '{"time":"$time_iso8601",'
        '"request":"$request","status":$status,"bytes":$body_bytes_sent,'
        '"upstream":"$upstream_addr","time_taken":$request_time}';
    access_log logs/access.log usage buffer=64k flush=1s;

    upstream paced {
        server 127.0.0.1:%(paced)d;
        keepalive 256; keepalive_requests 1000000;
    }
    upstream burst {
        server 127.0.0.1:%(burst)d;
        keepalive 256; keepalive_requests 1000000;
    }

    server {
        listen 127.0.0.1:%(plain)d;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_buffering off;
        proxy_ssl_verify on;
        proxy_ssl_trusted_certificate %(crt)s;
        proxy_ssl_name localhost;
        proxy_ssl_server_name on;

        location /bedrock/ { proxy_pass https://paced/; }
        location /burst/ { proxy_pass https://burst/; }
        location = /return { return 200 "ok"; }
    }
}
"""

PROVIDER = """
    llm_provider %(name)s {
        type bedrock;
        region us-east-1;
        endpoint https://localhost:%(port)d;
        credentials %(credentials)s;
        ssl_trusted_certificate %(crt)s;
        keepalive 256;
        llm_budget 1000000000 1M;
        llm_rate_limit requests=1000000000/1h;
    }
    llm_route %(name)s { provider %(name)s; }
"""

KEY = """
    llm_virtual_key %(name)s {
        secret file:%(prefix)s/%(name)s.key;
        team bench;
        route %(route)s;
        llm_budget %(budget)s;
        llm_rate_limit requests=1000000000/1h tokens=1000000000000/1h
                       concurrency=100000;
    }
"""

GOVERNED = """load_module %(module)s;
""" + COMMON + """
http {
""" + HTTP + """
    access_log off;

    llm_zone gov:64m;
    %(store)s
    llm_prices %(root)s/conf/prices.json;
%(providers)s
    llm_customer bench {
        llm_budget 1000000000 1M;
        llm_rate_limit tokens=1000000000000/1d;
    }
    llm_team bench {
        customer bench;
        llm_budget 1000000000 1M;
        llm_rate_limit requests=1000000000/1h;
    }
%(keys)s
    server {
        listen 127.0.0.1:%(governed)d;
        location /bedrock/ { llm_pass bedrock; }
        location /anthropic/ { llm_pass anthropic; }
    }
}
"""


def in_memory():
    """A folder for the journal, as it has by default; to be removed."""
    return tempfile.mkdtemp(prefix="llm-gov-bench-", dir="/dev/shm")


def write(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    mode = "wb" if isinstance(content, bytes) else "w"
    with open(path, mode) as file:
        file.write(content)
    return path


def message(content, stop, output):
    return {"id": "msg_bdrk_bench", "type": "message", "role": "assistant",
            "model": ALIAS, "content": content, "stop_reason": stop,
            "stop_sequence": None,
            "usage": {"input_tokens": 300, "output_tokens": output,
                      "cache_read_input_tokens": 0,
                      "cache_creation_input_tokens": 0}}


def stream(events):
    """So many event stream frames, as Claude on Bedrock sends them."""
    text = {"type": "content_block_delta", "index": 0,
            "delta": {"type": "text_delta", "text": " a few more words"}}
    last = {"type": "message_stop", "amazon-bedrock-invocationMetrics": {
        "inputTokenCount": 300, "outputTokenCount": 400,
        "invocationLatency": 1000, "firstByteLatency": 100}}
    values = [
        {"type": "message_start", "message": message([], None, 1)},
        {"type": "content_block_start", "index": 0,
         "content_block": {"type": "text", "text": ""}},
        *[text] * (events - 5),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta",
         "delta": {"stop_reason": "end_turn", "stop_sequence": None},
         "usage": {"output_tokens": 400}},
        last]
    return b"".join(map(chunk, values))


def body(size, **more):
    value = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 400,
             "messages": [{"role": "user", "content": ""}], **more}
    value["messages"][0]["content"] = "word " * (
        (size - len(json.dumps(value))) // 5)
    return json.dumps(value).encode()


def http_request(path, key, content):
    head = (f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Bearer {key}\r\n"
            "Content-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\n\r\n")
    return head.encode() + content


def certificate(folder):
    names = {"key": f"{folder}/tls.key", "crt": f"{folder}/tls.crt"}
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
         "-subj", "/CN=localhost", "-days", "30",
         "-addext", "subjectAltName=DNS:localhost",
         "-keyout", names["key"], "-out", names["crt"]],
        check=True, stderr=subprocess.DEVNULL)
    return names


def governed(values, kept=True):
    """`kept` is whether there is a store, with a journal in memory."""
    def provider(name, port, credentials):
        return PROVIDER % dict(values, name=name, port=values[port],
                               credentials=credentials)

    signed = ("static access_key_id=AKIAIOSFODNN7EXAMPLE secret_access_key="
              "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    bearer = f"bearer file:{values['prefix']}/upstream.key"
    providers = (provider("bearer", "paced", bearer)
                 + provider("sigv4", "paced", signed)
                 + provider("burst", "burst", bearer))
    keys = ""
    for name in KEYS:
        route = "bearer" if name == "empty" else name
        budget = "0.000001 1Y hard" if name == "empty" else "1000000000 1w"
        keys += KEY % dict(values, name=name, route=route, budget=budget)
        write(f"{values['prefix']}/{name}.key", KEYS[name])
    write(f"{values['prefix']}/upstream.key", "ABSK-bench-0123456789abcdef")
    store = ("llm_store %(prefix)s/store journal=%(journal)s/journal"
             " journal_size=64m;" if kept else "")
    return GOVERNED % dict(values, providers=providers, keys=keys,
                           store=store % values)
