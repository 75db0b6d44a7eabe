# What the shell clients share: TAP, the environment that t/clients.t gives.

count=0
failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT


# ok NAME COMMAND ...

ok() {
    local name=$1

    shift
    count=$((count + 1))

    if "$@" > "$work/ok.log" 2>&1; then
        echo "ok $count - $name"

    else
        failed=$((failed + 1))
        echo "not ok $count - $name"
        sed 's/^/# /' "$work/ok.log" | cut -c 1-400 | head -n 20
    fi
}


# contains FILE PATTERN ...: every pattern is found; else shows the file

contains() {
    local file=$1 pattern

    shift

    for pattern; do
        grep -qE -- "$pattern" "$file" || {
            echo "no match for: $pattern"
            cat "$file"
            return 1
        }
    done
}


done_testing() {
    echo "1..$count"
    [ $failed = 0 ]
}


# sim JSON_MEMBERS: a prompt for the simulated Bedrock, inside a JSON string

sim() {
    printf 'Please answer. sim:{%s}' "$1" | sed 's/"/\\"/g'
}
