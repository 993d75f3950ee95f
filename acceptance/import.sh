#!/usr/bin/env bash
# What a team has in MLflow, taken over by one command: a server is filled by the stock client, imported over its interface and from its
# files, and all that the stock client reads of it afterwards is compared, field by field and byte by byte. The import is killed in the middle, and so is the
# server; it is made twice; an alias that policy denies is refused, one that people must approve waits. Then runs that W&B's client has left.
#
# PROFILE: of the programs; PREBUILT=1 builds nothing.
set -euo pipefail
source "$(dirname "$0")/lib/tools.sh"
CS=$(countersign_program)
MLFLOW=3.17.2
OLDER=3.6.0
WANDB=0.31.0
PY=$(venv mlflow mlflow==$MLFLOW)
# The server of that release does not start with a later SQLAlchemy.
OLD=$(venv mlflow-older-server mlflow==$OLDER "sqlalchemy<2.1")
HERE=$ROOT/acceptance/import
WORK=$(mktemp -d)
PIDS=()
SERVER=
end() { for pid in "${PIDS[@]}" $SERVER; do kill -- "$pid" 2>/dev/null && wait "${pid#-}" 2>/dev/null || true; done; rm -rf "$WORK"; }
trap end EXIT
cd "$WORK"

fail() { echo "$*"; exit 1; }
ok() { echo "ok      $*"; }
is() { [ "$1" = "$2" ] && ok "$3" || fail "failed  $3: $2 instead of $1"; }
cs() { "$CS" --dir "$OURS" "$@"; }
free_port() { "$PY" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
tell() { "$PY" "$HERE/tell.py" "$1" "$(tail -1 "$2")" ${3:+"$3"} 2>tell.log | tail -1 || fail "$(tail -5 tell.log)"; }
# counts FILE KIND FIELD: of a report.
counts() { "$PY" -c 'import json, sys; print(json.load(open(sys.argv[1]))["kinds"].get(sys.argv[2], {}).get(sys.argv[3], 0))' "$@"; }
# ended STATUS COMMAND…: demands how it ends.
ended() { local wanted=$1 status=0; shift; "$@" >out 2>err || status=$?; [ "$status" = "$wanted" ] || fail "failed  $* ends with $status instead of $wanted: $(tail -3 err)"; }
says() { grep -qF -- "$1" "$2" || fail "failed  it does not say: $1: $(tail -5 "$2")"; }

# mlflow PYTHON NAME: starts a server of MLflow's; its address is in ADDRESS.
mlflow() {
  local port
  port=$(free_port)
  # A group of its own, as the server starts others that outlive it.
  setsid "${1%/*}/mlflow" server --host 127.0.0.1 --port "$port" --workers 1 --backend-store-uri "sqlite:///$WORK/$2.db" \
    --artifacts-destination "$WORK/$2" >"$2.log" 2>&1 &
  PIDS+=("-$!")
  ADDRESS=http://127.0.0.1:$port
  for _ in $(seq 600); do curl --silent --fail --output /dev/null "$ADDRESS/health" && return || sleep 0.2; done
  fail "no answer from MLflow"
}
start() {
  "$CS" --dir "$OURS" up --listen 127.0.0.1:0 --json >up.json 2>>up.log &
  SERVER=$!
  for _ in $(seq 100); do grep -q 'http://127.0.0.1:[0-9]*' up.json && break || sleep 0.1; done
  URL=$(grep -o 'http://127.0.0.1:[0-9]*' up.json | head -1)
}
# stop SIGNAL
stop() { kill "${1:--TERM}" "$SERVER" && wait "$SERVER" 2>/dev/null || true; SERVER=; }
# fresh FOLDER: a new data folder with its server.
fresh() {
  [ -z "$SERVER" ] || stop
  OURS=$1
  cs init --name inventory --owner ana -- "$CS" demo --serve "$WORK/countersign-demo/inventory.db" >init.log 2>&1 || fail "$(cat init.log)"
  start
  PERSON=$(cat "$OURS/keys/admin.key")
}
# policies: one alias that nobody may set, and one that a person must look at.
policies() {
  cat >>"$OURS/bundle/policies/registry.cedar" <<'END'

@id("registry.blocked")
@reason("nothing is put there")
forbid (principal, action == Action::"registry.set_alias", resource)
when { context.input.alias == "blocked" };

@id("registry.looked-at")
@reason("somebody is to look at it")
forbid (principal, action == Action::"registry.set_alias", resource)
when { context.input.alias == "old" && context.mode == Mode::"monitored" };

@id("registry.old")
@escalate("owner")
permit (principal in Group::"owners", action == Action::"registry.set_alias", resource)
when { context.input.alias == "old" && context.mode == Mode::"approved" };
END
  cs policy activate >activate.log 2>&1 || fail "$(cat activate.log)"
}

"$CS" demo --once --listen 127.0.0.1:0 >demo.log 2>&1 || fail "$(cat demo.log)"

# The present release.
mlflow "$PY" present
THEIRS=$ADDRESS
"$PY" "$HERE/fill.py" "$THEIRS" >made 2>fill.log || fail "$(tail -5 fill.log)"
fresh ours
policies
cs model import "$THEIRS" --dry-run --json >dry.json 2>err || fail "$(cat err)"
is 33 "$(counts dry.json experiment taken)" "a dry run counts what there is"
is 1 "$(curl -s -H "Authorization: Bearer $PERSON" "$URL/api/2.0/mlflow/experiments/search?max_results=100" | "$PY" -c 'import json, sys; print(len(json.load(sys.stdin)["experiments"]))')" "and takes nothing"

# Killed in the middle, at several moments, the server too; then to its end.
for after in 0.1 0.3 0.6 0.9; do
  cs model import "$THEIRS" >/dev/null 2>&1 &
  importer=$!
  sleep $after
  kill -KILL "$importer" 2>/dev/null || true
  wait "$importer" 2>/dev/null || true
done
cs model import "$THEIRS" >/dev/null 2>&1 &
importer=$!
sleep 0.4
stop -KILL
wait "$importer" 2>/dev/null || true
start
ended 1 cs model import "$THEIRS" --json
mv out first.json
grep -q '"code":"import-incomplete"' err || fail "failed  a denied alias is no refusal: $(tail -3 err)"
says "nothing is put there" first.json
is 1 "$(counts first.json alias refused)" "an alias that policy denies is refused, and the command fails"
is 1 "$(counts first.json alias waiting)" "one that a person must look at waits"
case=$(grep -o 'case_[0-9a-f]*' first.json | head -1)
cs approvals approve "$case" --reason "it stood there" --solo >/dev/null
for _ in $(seq 50); do cs model history fraud | grep -q "alias old set" && break || sleep 0.2; done
cs model history fraud | grep -q "alias old set on version 1" || fail "failed  an approved alias is not moved"
ok "approved, it is moved by the server"

# Everything is as it was; what was not put there by decision is not.
tell "$THEIRS" made >theirs.json
tell "$URL" made "$PERSON" >ours.json
"$PY" - <<'END'
import json
told = json.load(open("theirs.json"))
del told["registered"]["fraud"]["aliases"]["blocked"]
told["versions"]["fraud/4"]["aliases"].remove("blocked")
for version in told["registered"]["fraud"]["latest_versions"]:
    version["aliases"] = [alias for alias in version["aliases"] if alias != "blocked"]
json.dump(told, open("theirs.json", "w"))
END
"$PY" "$HERE/compare.py" theirs.json ours.json "$HERE/masked.json" | tee compared || fail "failed  what was imported differs"
figure "an MLflow $MLFLOW server imported, killed in the middle five times, and read again by the stock client" "$(tail -1 compared)"
is_imported() { cs model why "fraud/$1" --json | "$PY" -c 'import json, sys; print(sum(gap["name"] == "imported" for gap in json.load(sys.stdin)["dossier"]["gaps"]))'; }
is 0 "$(is_imported 3)" "a version that was promoted here has no gap for its origin"
is 1 "$(is_imported 5)" "one that was not has it"

# Twice: nothing changes, and what was moved here since stays where it is.
cs model promote fraud 1 --reason "the older one" >/dev/null
ended 1 cs model import "$THEIRS" --json
for kind in experiment run logged-model registered-model model-version file stage; do
  is "0 0" "$(counts out $kind taken) $(counts out $kind refused)" "again: no $kind is taken"
done
is 3 "$(counts out alias present)" "and no alias that was moved here is moved back"
tell "$URL" made "$PERSON" >again.json
"$PY" - <<'END' || fail "failed  the same again changes something"
import json, sys
before, after = (json.load(open(path)) for path in ["ours.json", "again.json"])
for told in (before, after):
    for name in ["registered", "versions", "loaded"]:
        del told[name]
sys.exit(before != after)
END
ok "the same again changes nothing"
is 1 "$(curl -s -H "Authorization: Bearer $PERSON" "$URL/v1/imports" | "$PY" -c 'import json, sys; print(sum("record" in one for one in json.load(sys.stdin)["imports"]))')" "and one record says what was taken"

# What the source says otherwise since is told, and not written over.
"$PY" - "$THEIRS" "$(tail -1 made)" <<'END' 2>/dev/null
import json, sys
import mlflow
client = mlflow.MlflowClient(sys.argv[1])
client.set_tag(json.loads(sys.argv[2])["rich"], "changed", "since")
END
ended 1 cs model import "$THEIRS" --json
is 1 "$(counts out run refused)" "a run that changed at its source since is refused"
says import-differs out

# From its files, without a server; and from a release that is a year older.
fresh disk
cs model import --store "sqlite:///$WORK/present.db" --artifacts "$WORK/present" --json >out 2>err || fail "$(cat err)"
tell "$THEIRS" made >theirs.json
tell "$URL" made "$PERSON" >ours.json
"$PY" "$HERE/compare.py" theirs.json ours.json "$HERE/masked.json" | tee compared || fail "failed  what was imported from files differs"
ok "from its files: $(tail -1 compared)"
"$PY" - <<'END'
import sqlite3
file = sqlite3.connect("present.db")
file.execute("CREATE TABLE IF NOT EXISTS other (n)")
other = sqlite3.connect("unknown.db")
file.backup(other)
other.execute("UPDATE alembic_version SET version_num = 'from-the-future'")
other.commit()
END
ended 1 cs model import --store sqlite:///unknown.db --artifacts "$WORK/present"
says import-source-unknown err
says "dc11669786a5 (MLflow 3.17.2)" err
ok "a file of another version is not read, and told which are"

mlflow "$OLD" older
"$OLD" "$HERE/fill.py" "$ADDRESS" >made-older 2>fill.log || fail "$(tail -5 fill.log)"
fresh older-ours
ended 0 cs model import "$ADDRESS"
tell "$ADDRESS" made-older >theirs.json
tell "$URL" made-older "$PERSON" >ours.json
"$PY" "$HERE/compare.py" theirs.json ours.json "$HERE/masked-older.json" | tee compared || fail "failed  what was imported of MLflow $OLDER differs"
ok "of MLflow $OLDER: $(tail -1 compared)"
fresh older-disk
ended 0 cs model import --store "sqlite:///$WORK/older.db" --artifacts "$WORK/older"
tell "$URL" made-older "$PERSON" >ours.json
"$PY" "$HERE/compare.py" theirs.json ours.json "$HERE/masked-older.json" >compared || fail "failed  what was imported of the files of MLflow $OLDER differs"
ok "and from its files: $(tail -1 compared)"

# A bundle that says nothing of the registry: everything but aliases and stages.
fresh silent
rm "$OURS"/bundle/catalog/registry.toml "$OURS"/bundle/policies/registry.cedar
cs policy activate >activate.log 2>&1 || fail "$(cat activate.log)"
ended 0 cs model import "$THEIRS"
says "no alias and no stage will be moved" err
says "no catalogue has the table" out
ok "without a catalogue of the registry it is told before it begins, and none is moved"

# What is no source.
ended 1 cs model import http://127.0.0.1:1
says upstream-unavailable err
ended 3 cs model import "$URL"
says import-source-denied err
"$PY" "$HERE/liar.py" liar.port &
PIDS+=($!)
for _ in $(seq 50); do [ -s liar.port ] && break || sleep 0.1; done
LIAR=http://127.0.0.1:$(cat liar.port)
for lie in endless cut climbing senseless large; do
  ended 1 cs model import "$LIAR/$lie"
  says import-source-broken err
done
ended 1 cs model import "$LIAR/other"
says import-source-unknown err
ok "a source that lies is refused with its code: pages without end, answers and files that end in the middle, paths that climb"

# W&B.
WB=$(venv wandb "wandb==$WANDB")
mkdir wb
"$WB" "$HERE/wandb_fill.py" "$WORK/wb" >wandb.log 2>&1 || fail "$(tail -5 wandb.log)"
fresh wandb-ours
ended 0 cs model import --wandb wb --json
is 3 "$(counts out run taken)" "three runs of W&B are taken"
says "the artifact \`net\` of type \`model\`" out
MLFLOW_TRACKING_TOKEN=$PERSON "$PY" "$HERE/wandb_same.py" "$URL" "$WORK/wb" 2>wandb.log || fail "$(tail -5 wandb.log)"
ended 0 cs model import --wandb wb --json
is 0 "$(counts out run taken)" "and the same again takes nothing"
log=$(ls wb/wandb/offline-run-*/run-*.wandb | head -1)
printf 'X' | dd of="$log" bs=1 seek=400 conv=notrunc 2>/dev/null
ended 1 cs model import --wandb wb
says "a checksum that does not hold" out
ok "a log with a changed byte is refused, and the others are not"
cs rebuild >rebuild.log 2>&1 || fail "$(cat rebuild.log)"
ok "the journal is counted again"
