#!/usr/bin/env bash
# Taking back: 200 changes of an SQLite file, a PostgreSQL server, a folder and an HTTP API, each of which stands upon one before, are taken back to the byte,
# and a stranger verifies the record of it; a saga over all four whose last step fails leaves nothing; a change around the road is found in each, and named.
#
# PROFILE: of the programs; PREBUILT=1 builds nothing.
set -euo pipefail
source "$(dirname "$0")/lib/tools.sh"
"$ROOT/scripts/need.sh" reversal
CS=$(countersign_program)
HERE=$ROOT/acceptance/reversal
WORK=$(mktemp -d)
chmod 755 "$WORK"
BIN=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
SERVER= POSTGRES= API=
trap '[ -z "$SERVER" ] || { kill "$SERVER" && wait "$SERVER" || true; }; [ -z "$API" ] || { kill "$API" && wait "$API" || true; }; [ -z "$POSTGRES" ] || { kill -QUIT "$POSTGRES" && wait "$POSTGRES" || true; }; rm -rf "$WORK"' EXIT
cd "$WORK"

fail() { echo "$*"; exit 1; }
# is WANTED GOT WHAT
is() { [ "$1" = "$2" ] && echo "ok      $3" || fail "failed  $3: $2 instead of $1"; }
of() { python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$@"; }
# The database's own programs do not run as root.
plainly=()
[ "$(id -u)" != 0 ] || plainly=(setpriv --reuid=65534 --regid=65534 --clear-groups)
psql() { "$BIN/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h "$WORK/pg" -U "${ROLE:-owner}" postgres "$@"; }

mkdir -p pg/data
[ "$(id -u)" != 0 ] || chown -R 65534:65534 pg
"${plainly[@]}" "$BIN/initdb" --no-sync --auth=trust --username=owner --encoding=UTF8 --no-locale -D "$WORK/pg/data" >initdb.log 2>&1 || fail "$(cat initdb.log)"
"${plainly[@]}" "$BIN/postgres" -D "$WORK/pg/data" -k "$WORK/pg" -c listen_addresses= >postgres.log 2>&1 &
POSTGRES=$!
for _ in $(seq 100); do "$BIN/pg_isready" -q -h "$WORK/pg" && break || sleep 0.1; done

TABLE="CREATE TABLE counter (id integer PRIMARY KEY, n integer); INSERT INTO counter VALUES (1, 7), (2, 9)"
psql -c "CREATE ROLE agent LOGIN" -c "$TABLE" -c "GRANT SELECT, INSERT, UPDATE, DELETE ON counter TO agent"
python3 - "$TABLE" <<'PY'
import sqlite3, sys
db = sqlite3.connect("orders.db")
db.executescript(f"PRAGMA journal_mode = WAL; {sys.argv[1]}")
PY
COUNTERSIGN_DATABASE="host=$WORK/pg user=owner dbname=postgres" "$CS" target capture counter >captured.log
"$CS" target capture counter --database "sqlite:$WORK/orders.db" >>captured.log
mkdir site
echo 0 >site/page.txt
export API_AUTHORIZATION="Bearer $RANDOM$RANDOM"
python3 "$HERE/api.py" api.port "$API_AUTHORIZATION" &
API=$!
for _ in $(seq 100); do [ -s api.port ] && break || sleep 0.1; done
QUEUE=http://127.0.0.1:$(cat api.port)/queues/a
sed "s|BASE|${QUEUE%/queues/a}|" "$HERE/operations.toml" >operations.toml
"$CS" init --owner ana --name orders -- "$CS" target sql --database "sqlite:$WORK/orders.db" >init.log 2>&1 || fail "$(cat init.log)"
"$CS" --dir more-site init --owner ana --name site -- "$CS" target files "$WORK/site" --store "$WORK/site-store" >init.log 2>&1 || fail "$(cat init.log)"
"$CS" --dir more-api init --owner ana --name api --env API_AUTHORIZATION -- "$CS" target http "$WORK/operations.toml" --store "$WORK/api-store" >init.log 2>&1 || fail "$(cat init.log)"
python3 "$HERE/bundle.py" countersign/bundle COUNTERSIGN_DATABASE more-site/bundle more-api/bundle

export COUNTERSIGN_DATABASE="host=$WORK/pg user=agent dbname=postgres"
"$CS" up --listen 127.0.0.1:0 --json >up.json 2>up.log &
SERVER=$!
for _ in $(seq 100); do grep -q 'http://127.0.0.1:[0-9]*' up.json && break || sleep 0.1; done
"$CS" policy activate --reason "the agent changes test databases by itself" >activate.log 2>&1 || fail "$(cat activate.log)"
"$CS" agent level agent write L2 --env test --reason "it did well" --for 7d >level.log 2>&1 || fail "$(cat level.log)"

rows() {
  psql -c "SELECT c::text FROM counter c ORDER BY id"
  python3 -c 'import sqlite3; [print(row) for row in sqlite3.connect("orders.db").execute("SELECT * FROM counter ORDER BY id")]'
  cat site/page.txt
  curl -sS -H "authorization: $API_AUTHORIZATION" "$QUEUE"
}
rows >before.txt
python3 "$HERE/agent.py" "$CS" 200
! cmp -s before.txt <(rows) || fail "failed  nothing was changed"
"$CS" rollback --agent agent --since 1h --plan --json >plan.json
is "200 0" "$(of plan.json 'str(len(d["steps"])) + " " + str(len(d["stays"]))')" "the plan has 200 steps, and says before that nothing stays"
"$CS" reconcile --json >held.json || fail "failed  $(cat held.json)"
is 0 "$(of held.json 'sum(len(one["found"]) for one in d["systems"])')" "all four systems say the same as the journal"
start=$(date +%s%N)
"$CS" rollback --agent agent --since 1h --reason "the wrong counters" >rollback.log || fail "failed  $(tail -3 rollback.log)"
took=$((($(date +%s%N) - start) / 1000000))
grep -q 'taken back: 200 of 200; 0 stay' rollback.log || fail "failed  $(tail -1 rollback.log)"
cmp before.txt <(rows) && echo "ok      200 dependent changes of two databases, a folder and an API are taken back, and everything is as it was"

for action in $(of plan.json '" ".join(one["action"] for one in d["steps"][:3])'); do
  "$CS" log export "$action" -o one.evidence >export.log 2>&1 || fail "$(cat export.log)"
  "${CS}-verify" one.evidence --key "$("$CS" log key)" >verified.log || fail "failed  $(cat verified.log)"
done
"$CS" log export --agent agent -o all.evidence >export.log 2>&1 || fail "$(cat export.log)"
"${CS}-verify" all.evidence --key "$("$CS" log key)" >verified.log || fail "failed  $(cat verified.log)"
echo "ok      a stranger verifies what the agent did, without the server"
for withheld in arguments result; do
  "$CS" log export "$action" -o less.evidence --withhold "$withheld" >export.log 2>&1 || fail "$(cat export.log)"
  status=0
  "${CS}-verify" less.evidence --key "$("$CS" log key)" >verified.log || status=$?
  is 4 "$status" "a planned decision without its $withheld is not computed, and nothing is called wrong"
done

KEY=$("$CS" key create --agent agent --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["token"])')
python3 - >saga.json <<'PY'
import json
change = lambda mark: f"UPDATE counter SET n = n + 5 WHERE id = {mark}"
steps = [("orders.change", {"sql": change("?"), "params": [1]}), ("ledger.change", {"sql": change("$1"), "params": [1]}),
         ("site.change", {"edits": [{"path": "page.txt", "write": "of a saga\n"}, {"path": "new/one.txt", "write": "new\n"}]}),
         ("api.set_limit", {"queue": "a", "limit": 55}), ("api.set_limit", {"queue": "b", "limit": 2000000000})]
print(json.dumps({"purpose": "one change of four systems", "steps": [{"tool": tool, "arguments": arguments} for tool, arguments in steps]}))
PY
python3 -c 'import json; d = json.load(open("saga.json")); d["steps"].append({"tool": "orders.change", "arguments": {"sql": "INSERT INTO counter VALUES (1, 1)"}}); json.dump(d, open("planless.json", "w"))'
status=0
COUNTERSIGN_KEY=$KEY "$CS" saga run planless.json --json >saga.out 2>saga.log || status=$?
is "3 refused" "$status $(of saga.out 'd["state"]')" "a saga with a step that nobody can plan is not begun"
status=0
COUNTERSIGN_KEY=$KEY "$CS" saga run saga.json --json >saga.out 2>saga.log || status=$?
is "1 taken_back" "$status $(of saga.out 'd["state"]')" "a saga over all four whose last step fails is taken back"
cmp before.txt <(rows) && [ ! -e site/new ] && echo "ok      and leaves nothing"
python3 -c 'import json; d = json.load(open("saga.json")); d["steps"].pop(); json.dump(d, open("saga.json", "w"))'
COUNTERSIGN_KEY=$KEY "$CS" saga run saga.json --json >saga.out 2>saga.log || fail "failed  $(cat saga.log saga.out)"
is "held True" "$(of saga.out 'd["state"]') $([ -e site/new/one.txt ] && echo True)" "without it, every step is done and holds"
"$CS" rollback --session "$(of saga.out 'd["saga"]')" --reason "it was a test" >rollback.log || fail "failed  $(tail -3 rollback.log)"
cmp before.txt <(rows) && echo "ok      and all of it can be taken back as one"

ROLE=agent psql -c "UPDATE counter SET n = 1 WHERE id = 2"
echo around >site/page.txt
curl -sS -X PUT -H "authorization: $API_AUTHORIZATION" -d '{"limit": 1}' "$QUEUE" >put.log
python3 -c 'import sqlite3; db = sqlite3.connect("orders.db"); db.execute("UPDATE counter SET n = 1 WHERE id = 2"); db.commit()'
status=0
"$CS" reconcile --json >held.json || status=$?
is "1 around around around around" "$status $(of held.json '" ".join(one["gap"] for held in d["systems"] for one in held["found"])')" "a change around the road is found in each of the four"
is True "$(of held.json 'any("agent, psql" in one.get("by", "") for held in d["systems"] for one in held["found"])')" "and PostgreSQL names the credential and the program"
kill "$SERVER" && wait "$SERVER" || true
SERVER=
"${CS}-verify" countersign/data/log --key "$("$CS" log key)" >verified.log || fail "failed  $(cat verified.log)"
"$CS" rebuild >rebuilt.log || fail "failed  $(cat rebuilt.log)"
echo "ok      the whole log verifies, and is counted again to the same"
figure "dependent changes of SQLite, PostgreSQL, a folder and an HTTP API of one agent: made / taken back / as before / in s" "200 / 200 / all / $((took / 1000)).$((took % 1000 / 100))"
figure "sagas over the four: whose last step fails / that leave nothing" "1 / 1"
figure "changes around the road: made in SQLite, PostgreSQL, a folder and an HTTP API / found / that were none" "4 / 4 / 0"
