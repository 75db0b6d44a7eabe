#!/bin/bash
# curl: the line that a newcomer copies, streams, and every way of HTTP.

set -uo pipefail

. "$(dirname "$0")/client.sh"

model=${LLM_MODEL_ANTHROPIC:-claude-sonnet-4-5}
messages=$LLM_ANTHROPIC_URL/v1/messages


body() {
    printf '{"model":"%s","max_tokens":200%s,"messages":[{"role":"user",' \
        "$model" "${2:-}"
    printf '"content":"%s"}]}' "$(sim "$1")"
}


ask() {
    local name=$1

    shift
    curl -sS -i --max-time 20 -o "$work/$name" -H "x-api-key: $LLM_KEY" \
        -H 'content-type: application/json' \
        -H 'anthropic-version: 2023-06-01' "$@"
}


body '"input":5,"output":2,"text":"hello curl"' > "$work/body.json"
body '"text":"a b c","delay_ms":5' ',"stream":true' > "$work/stream.json"

ok 'plain' ask plain "$messages" -d @"$work/body.json"
ok 'plain: answer' contains "$work/plain" '^HTTP/1.1 200' '"hello curl"'
ok 'plain: names the request' contains "$work/plain" '^[Rr]equest-[Ii]d: .'

ok 'stream' ask stream -N "$messages" -d @"$work/stream.json"
ok 'stream: events' contains "$work/stream" 'text/event-stream' \
    '^event: message_start' '^event: message_stop'

ok 'bearer' curl -sS --fail --max-time 20 -o "$work/bearer" \
    -H "Authorization: Bearer $LLM_KEY" -H 'content-type: application/json' \
    "$messages" -d @"$work/body.json"
ok 'bearer: answer' contains "$work/bearer" '"hello curl"'

ok 'HTTP/2, prior knowledge' ask h2c --http2-prior-knowledge \
    "$LLM_ANTHROPIC_H2C_URL/v1/messages" -d @"$work/body.json"
ok 'HTTP/2, prior knowledge: answer' contains "$work/h2c" '^HTTP/2 200' \
    '"hello curl"'

ok 'HTTP/2, TLS' ask h2 --http2 --cacert "$LLM_CA" \
    "$LLM_ANTHROPIC_TLS_URL/v1/messages" -d @"$work/body.json"
ok 'HTTP/2, TLS: answer' contains "$work/h2" '^HTTP/2 200' '"hello curl"'

ok 'HTTP/2, TLS, stream' ask h2s -N --http2 --cacert "$LLM_CA" \
    "$LLM_ANTHROPIC_TLS_URL/v1/messages" -d @"$work/stream.json"
ok 'HTTP/2, TLS, stream: events' contains "$work/h2s" \
    '^event: message_start' '^event: message_stop'

ok 'HTTP/1.0' ask http10 --http1.0 "$messages" -d @"$work/body.json"
ok 'HTTP/1.0: answer' contains "$work/http10" ' 200' '"hello curl"'

ok 'chunked' ask chunked -H 'Transfer-Encoding: chunked' "$messages" \
    -d @"$work/body.json"
ok 'chunked: answer' contains "$work/chunked" ' 200' '"hello curl"'

ok 'Expect: 100-continue' ask expect -H 'Expect: 100-continue' "$messages" \
    -d @"$work/body.json"
ok 'Expect: 100-continue: answer' contains "$work/expect" '^HTTP/1.1 100' \
    ' 200' '"hello curl"'

# an id without a colon, which curl does not encode as AWS wants it

ok 'SigV4' curl -sS --fail-with-body --max-time 20 -o "$work/sigv4" \
    --aws-sigv4 'aws:amz:us-east-1:bedrock' \
    -u "$LLM_SIGV4_NAME:$LLM_SIGV4_SECRET" \
    -H 'content-type: application/json' \
    "$LLM_BEDROCK_URL/model/anthropic.claude-opus-4-6/converse" \
    -d '{"messages":[{"role":"user","content":[{"text":"hello"}]}]}'
ok 'SigV4: answer' contains "$work/sigv4" '"outputTokens"'

ok 'no key' curl -sS -i --max-time 20 -o "$work/nokey" "$messages" \
    -H 'content-type: application/json' -d @"$work/body.json"
ok 'no key: refused' contains "$work/nokey" ' 401' 'authentication_error'

tr -d '}' < "$work/body.json" > "$work/broken.json"
ok 'broken JSON' ask broken "$messages" -d @"$work/broken.json"
ok 'broken JSON: refused' contains "$work/broken" ' 400' \
    'invalid_request_error'

done_testing
