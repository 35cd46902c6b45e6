#!/usr/bin/env bash
# Tells a running node of a few people, a rota, two devices and one patient, then asks it everything in this directory.
# README.md beside it says how to start that node. Needs bash, curl and GNU date.
set -euo pipefail
cd "$(dirname "$0")"

: "${HANDRAIL:?the handrail binary}" "${HANDRAIL_DATA:?the data directory of the running node}"
url=${HANDRAIL_URL:-http://127.0.0.1:8700}
mllp=${HANDRAIL_MLLP:-127.0.0.1:2575}

hospital=$("$HANDRAIL" caller add dev-hospital --data "$HANDRAIL_DATA")
ehr=$("$HANDRAIL" caller add dev-ehr --data "$HANDRAIL_DATA")

at() { date -u -d "$1" +%Y-%m-%dT%H:%M:%SZ; }
tell() { # PATH BODY
    curl -sS --fail-with-body -X PUT "$url/feeds/v1/$1" -H "Authorization: Bearer $hospital" \
        -H 'Content-Type: application/json' -d "$2"
    echo
}
ask() { # PATH FILE
    echo "--- $2"
    curl -sS "$url/access/v1/$1" -H "Authorization: Bearer $ehr" -H 'Content-Type: application/json' -d @"$2"
    echo
}

tell people @people.json
tell devices @devices.json
tell posture "{\"reports\": [
    {\"device\": \"ws-ed-1\", \"posture\": \"healthy\", \"good_until\": \"$(at '+1 day')\"},
    {\"device\": \"ws-icu-1\", \"posture\": \"healthy\", \"good_until\": \"$(at '+1 day')\"}]}"
on_shift() { echo "{\"shift\": \"example-$1\", \"person\": \"$1\", \"unit\": \"$2\", \"from\": \"$(at '-1 hour')\", \"until\": \"$(at '+7 hours')\"}"; }
tell rota "{\"shifts\": [$(on_shift nora ED), $(on_shift dana ED), $(on_shift otto ICU)]}"
"$HANDRAIL" feed replay admit.hl7 --to "$mllp" --shift-dates

for file in read-in-the-unit read-from-another-unit read-with-a-badge-tap give-a-controlled-drug change-the-configuration file-a-result; do
    ask evaluation "$file.json"
done
ask evaluations a-doctors-morning.json
