#!/bin/bash
# The claude command line client in print mode: as an Anthropic gateway, in
# its Bedrock mode, and what it makes of an exhausted budget.  The proxy
# variables lead nowhere, so that it can talk to the gateway only.

set -uo pipefail

. "$(dirname "$0")/client.sh"

claude=$(find "$LLM_BUILD_DIR/node_modules/@anthropic-ai" \
    -path '*claude-code-*' -name claude -type f -perm -u+x | head -n 1)

export HOME=$work DISABLE_AUTOUPDATER=1 DISABLE_TELEMETRY=1
export CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1 DISABLE_ERROR_REPORTING=1
export HTTPS_PROXY=http://127.0.0.1:9 HTTP_PROXY=http://127.0.0.1:9
export NO_PROXY=127.0.0.1,localhost

cd "$work" || exit 1


# ask ENVIRONMENT ... -- PROMPT [OPTION ...]

ask() {
    local settings=()

    while [ "$1" != -- ]; do
        settings+=("$1")
        shift
    done

    shift
    env "${settings[@]}" timeout 90 "$claude" -p "$@" < /dev/null
}


gateway=(ANTHROPIC_BASE_URL="$LLM_ANTHROPIC_URL")

ask "${gateway[@]}" ANTHROPIC_AUTH_TOKEN="$LLM_KEY" -- 'Say hello.' \
    > "$work/plain" 2>&1
ok 'as an Anthropic gateway' contains "$work/plain" 'simulated Bedrock'

ask "${gateway[@]}" ANTHROPIC_AUTH_TOKEN="$LLM_KEY" -- 'Say hello.' \
    --output-format json > "$work/json" 2>&1
ok 'usage arrives' contains "$work/json" '"is_error":false' \
    '"output_tokens":[1-9]'

ask "${gateway[@]}" ANTHROPIC_AUTH_TOKEN="$LLM_BROKE_KEY" -- 'Say hello.' \
    > "$work/broke" 2>&1
ok 'no budget left: says so' contains "$work/broke" '[Bb]udget' 'broke'

ask CLAUDE_CODE_USE_BEDROCK=1 AWS_REGION=us-east-1 \
    ANTHROPIC_BEDROCK_BASE_URL="$LLM_BEDROCK_URL" \
    AWS_BEARER_TOKEN_BEDROCK="$LLM_KEY" AWS_EC2_METADATA_DISABLED=true \
    -- 'Say hello.' > "$work/bedrock" 2>&1
ok 'in Bedrock mode' contains "$work/bedrock" 'simulated Bedrock'

done_testing
