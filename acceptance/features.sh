#!/usr/bin/env bash
# Features: what Feast's own command dumps of a repository is imported twice, a second definition of the lifetime value is flagged, and of two
# features that training and serving compute, the one that serving computes differently is found and named, and the other is not.
#
# PROFILE: of the programs; PREBUILT=1 builds nothing.
set -euo pipefail
source "$(dirname "$0")/lib/tools.sh"
CS=$(countersign_program)
FEAST=0.67.0
PY=$(venv feast feast==$FEAST)
HERE=$ROOT/acceptance/features
WORK=$(mktemp -d)
SERVER=
trap '[ -z "$SERVER" ] || { kill "$SERVER" && wait "$SERVER" || true; }; rm -rf "$WORK"' EXIT
cd "$WORK"
export FEAST_USAGE=False

fail() { echo "$*"; exit 1; }
cs() { "$CS" --dir ours "$@"; }
# is WANTED GOT WHAT
is() { [ "$1" = "$2" ] && echo "ok      $3" || fail "failed  $3: $2 instead of $1"; }
# of FILE EXPRESSION: what a Python expression says of a JSON document `d`.
of() { "$PY" -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$@"; }

"$CS" demo --once --listen 127.0.0.1:0 >demo.log 2>&1 || fail "$(cat demo.log)"
cs init --name inventory --owner ana -- "$CS" demo --serve "$WORK/countersign-demo/inventory.db" >init.log 2>&1 || fail "$(cat init.log)"
"$CS" --dir ours up --listen 127.0.0.1:0 --json >up.json 2>>up.log &
SERVER=$!
for _ in $(seq 100); do grep -q 'http://127.0.0.1:[0-9]*' up.json && break || sleep 0.1; done
URL=$(grep -o 'http://127.0.0.1:[0-9]*' up.json | head -1)
KEY=$(cat ours/keys/admin.key)

mkdir -p repository/data
cp "$HERE/definitions.py" "$HERE/feature_store.yaml" repository/
(cd repository && "$PY" "$HERE/orders.py" && "$(dirname "$PY")/feast" apply && "$(dirname "$PY")/feast" registry-dump >../dump.json) >feast.log 2>&1 || fail "$(tail -5 feast.log)"
cs feature import dump.json --owner data-platform --json >imported.json
is 4 "$(of imported.json 'sum(one["new"] for one in d["imported"])')" "four features of a Feast $FEAST repository are imported"
is purchases:last_items "$(of imported.json '" ".join(one["name"] for one in d["passed_over"])')" "and the one that cannot be is told"
cs feature import dump.json --owner data-platform --json >again.json
is 0 "$(of again.json 'sum(one["new"] for one in d["imported"])')" "imported again, nothing is new"

echo "sum(margin * purchases), since the first order" >clv.sql
cs feature register customer_value --concept "Customer Lifetime Value" --entity customer --transformation clv.sql --owner finance >registered.txt
echo "sum(revenue)" >ltv.sql
cs feature register ltv --concept customer_lifetime_value --entity customer --transformation ltv.sql --owner marketing >conflict.txt
grep -q 'conflict.*customer_value, ltv.*transformation' conflict.txt || fail "failed  the conflict: $(cat conflict.txt)"
echo "ok      two definitions of one concept are flagged with what differs"

read -r compared differing at entity < <("$PY" "$HERE/compute.py" "$URL" "$KEY" purchases:purchases_7d customer_value)
status=0
cs feature skew --json >skew.json || status=$?
is 1 "$status" "skew is an exit code"
is "purchases:purchases_7d" "$(of skew.json '" ".join(one["feature"] for one in d["features"] if one["finding"] == "differs")')" "the feature that serving computes differently is named, and no other"
is "$compared $differing $at $entity" "$(of skew.json '[" ".join(str(x) for x in (one["compared"], one["differing"], one["first"]["at"], one["first"]["entity"])) for one in d["features"] if one["finding"] == "differs"][0]')" "with every difference, and the first of them"
is 5 "$(of skew.json '[one["training_only"] for one in d["features"] if one["feature"] == "customer_value"][0]')" "what serving lacks is told"
cs feature skew customer_value >same.txt || fail "failed  $(cat same.txt)"
figure "features in serving beside training (definitions of Feast $FEAST): computed differently, found and named / computed alike, called different" \
  "1 of 1, $differing of $differing differences of $compared compared / 0 of 1"
