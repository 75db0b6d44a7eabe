#!/bin/bash
# The AWS command line client: ordinary static credentials (the virtual key's
# name and secret) and an endpoint override, or the bearer variable over TLS.

set -uo pipefail

. "$(dirname "$0")/client.sh"

export AWS_DEFAULT_REGION=us-east-1 AWS_EC2_METADATA_DISABLED=true AWS_PAGER=
export AWS_CONFIG_FILE=$work/config AWS_SHARED_CREDENTIALS_FILE=$work/none
export AWS_CA_BUNDLE=$LLM_CA

aws=$LLM_BUILD_DIR/venv/bin/aws
model=${LLM_MODEL_BEDROCK:-us.anthropic.claude-sonnet-4-5-20250929-v1:0}


converse() {
    timeout 60 "$aws" bedrock-runtime converse --model-id "$model" \
        --messages "[{\"role\":\"user\",\"content\":[{\"text\":\"$(sim \
            '"output":2,"text":"hello aws"')\"}]}]" "$@"
}


invoke() {
    timeout 60 "$aws" bedrock-runtime invoke-model --model-id "$model" \
        --body "fileb://$work/body.json" "$work/out.json"
}


with_sigv4() {
    AWS_ACCESS_KEY_ID=$LLM_SIGV4_NAME \
        AWS_SECRET_ACCESS_KEY=$LLM_SIGV4_SECRET \
        AWS_ENDPOINT_URL_BEDROCK_RUNTIME=$LLM_BEDROCK_URL "$@"
}


with_bearer() {
    AWS_BEARER_TOKEN_BEDROCK=$LLM_KEY \
        AWS_ENDPOINT_URL_BEDROCK_RUNTIME=$LLM_BEDROCK_TLS_URL "$@"
}


cat > "$work/body.json" << END
{"anthropic_version": "bedrock-2023-05-31", "max_tokens": 50,
 "messages": [{"role": "user", "content": "hi"}]}
END

for login in with_sigv4 with_bearer; do
    $login converse > "$work/converse.json" 2> "$work/stderr"
    cat "$work/stderr" >> "$work/converse.json"
    ok "$login: converse" contains "$work/converse.json" 'hello aws' \
        '"outputTokens": 2'

    rm -f "$work/out.json"
    ok "$login: invoke-model" $login invoke
    ok "$login: invoke-model, body" contains "$work/out.json" '"usage"'
done

AWS_ACCESS_KEY_ID=$LLM_SIGV4_NAME AWS_SECRET_ACCESS_KEY=wrong-secret-wrong \
    AWS_ENDPOINT_URL_BEDROCK_RUNTIME=$LLM_BEDROCK_URL \
    converse > "$work/refused" 2>&1
ok 'wrong secret: refused' contains "$work/refused" InvalidSignatureException

done_testing
