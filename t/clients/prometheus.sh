#!/bin/bash
# Debian's Prometheus scrapes the metrics; promtool finds nothing to mend.

set -uo pipefail

. "$(dirname "$0")/client.sh"

curl -sS --max-time 20 "$LLM_METRICS_URL" > "$work/metrics"
ok 'promtool check metrics' promtool check metrics < "$work/metrics"
ok 'metrics of spend' contains "$work/metrics" '^llm_[a-z_]*(cost|spen)'

scrape=${LLM_METRICS_URL#http://}

cat > "$work/prometheus.yml" << END
global:
  scrape_interval: 1s
scrape_configs:
  - job_name: llm
    metrics_path: /${scrape#*/}
    static_configs:
      - targets: ['${scrape%%/*}']
END

prometheus --config.file="$work/prometheus.yml" \
    --storage.tsdb.path="$work/tsdb" \
    --web.listen-address="127.0.0.1:$LLM_PROMETHEUS_PORT" \
    > "$work/prometheus.log" 2>&1 &
pid=$!
trap 'kill $pid; wait $pid; rm -rf "$work"' EXIT


# query EXPRESSION: the number of series that it finds

query() {
    curl -sS --max-time 5 -G --data-urlencode "query=$1" \
        "http://127.0.0.1:$LLM_PROMETHEUS_PORT/api/v1/query" \
        | python3 -c 'import json, sys
print(len(json.load(sys.stdin)["data"]["result"]))' 2> /dev/null
}


scraped() {
    local try

    for try in $(seq 60); do
        [ "$(query 'up{job="llm"} == 1')" != 1 ] || return 0
        sleep 0.5
    done

    tail -n 20 "$work/prometheus.log"
    return 1
}


found() {
    [ "$(query "$1")" -gt 0 ]
}


ok 'scraped' scraped
ok 'requests are counted' found 'sum({__name__=~"llm_.*requests_total"}) > 0'
ok 'cost is counted' found 'sum({__name__=~"llm_.*cost.*"}) > 0'
ok 'a histogram has quantiles' found \
    'histogram_quantile(0.9, sum by (le) ({__name__=~"llm_.*_bucket"}))'

done_testing
