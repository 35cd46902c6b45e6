#!/usr/bin/env bash
# Ask, search and watch from a shell. Needs bash, curl and python3 (to read JSON; jq does as well).
#
#   handrail.sh ask    WHO ACTION RECORD DEVICE     may they, and if not, why not and what would help?
#   handrail.sh search WHO ACTION DEVICE            which patients may they do it to, a page at a time
#   handrail.sh watch  WHO ACTION RECORD DEVICE     a permit that stays live, until it ends
#
# HANDRAIL_URL is where the node answers, HANDRAIL_TOKEN what `handrail caller add` printed. For TLS set CURL_OPTIONS, for instance
# "--cacert ca.pem --cert client.pem --key client.key"; then a token is not needed if the certificate is registered.
set -euo pipefail

url=${HANDRAIL_URL:-http://127.0.0.1:8700}
# Word splitting is wanted: options are words.
# shellcheck disable=SC2206
options=(${CURL_OPTIONS:-})

post() { # PATH BODY
    curl -sS --fail-with-body "${options[@]}" "$url$1" \
        ${HANDRAIL_TOKEN:+-H "Authorization: Bearer $HANDRAIL_TOKEN"} -H 'Content-Type: application/json' -d "$2"
}
field() { # EXPRESSION of `a`, the answer on standard input; nothing when it is not there
    python3 -c 'import json, sys
a = json.load(sys.stdin)
for line in eval(sys.argv[1]): print(line)' "$1"
}
context() { # DEVICE
    echo "{\"device\": \"$1\", \"session\": {\"level\": 2, \"age_minutes\": 1, \"method\": \"passkey\"}, \"purpose\": \"TREAT\"}"
}
question() { # WHO ACTION RECORD DEVICE
    echo "{\"subject\": {\"type\": \"user\", \"id\": \"$1\"}, \"action\": {\"name\": \"$2\"},
           \"resource\": {\"type\": \"patient\", \"id\": \"$3\"}, \"context\": $(context "$4")}"
}

case "${1:-}" in
ask)
    answer=$(post /access/v1/evaluation "$(question "$2" "$3" "$4" "$5")")
    field '["permit" if a["decision"] else "deny", a["context"]["reason"], *a["context"]["reasons"]]' <<<"$answer"
    field '["would help: " + r["text"] for r in a["context"].get("remedies", [])]' <<<"$answer"
    field '["evidence: entry %d" % a["context"]["entry"]]' <<<"$answer"
    ;;
search)
    token=
    while :; do
        page="{\"limit\": 2${token:+, \"token\": \"$token\"}}"
        answer=$(post /access/v1/search/resource "{\"subject\": {\"type\": \"user\", \"id\": \"$2\"},
            \"action\": {\"name\": \"$3\"}, \"resource\": {\"type\": \"patient\"}, \"context\": $(context "$4"), \"page\": $page}")
        field '[r["id"] for r in a["results"]]' <<<"$answer"
        token=$(field '[a["page"]["next_token"]]' <<<"$answer")
        [ -n "$token" ] || break
    done
    ;;
watch)
    answer=$(post /handrail/v1/permits "$(question "$2" "$3" "$4" "$5")")
    if [ "$(field '[a["decision"]]' <<<"$answer")" != True ]; then
        echo deny
        exit 3
    fi
    entry=$(field '[a["context"]["entry"]]' <<<"$answer")
    # Lines of server-sent events: `event:` names it, `data:` has the rest.
    curl -sS -N --fail-with-body "${options[@]}" "$url/handrail/v1/permits/$entry/watch" \
        ${HANDRAIL_TOKEN:+-H "Authorization: Bearer $HANDRAIL_TOKEN"} | while IFS= read -r line; do
        case "$line" in
        data:*holds*) echo holds ;;
        data:*) field '["ended: %s, %s" % (a["cause"], a["mode"])]' <<<"${line#data:}" ;;
        esac
    done
    ;;
*)
    sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
    exit 1
    ;;
esac
