#!/usr/bin/env bash
# The questions that an auditor, an incident and a rollback ask of a model in production, each answered by one command: of a version with
# a full history, one with gaps, one that was rolled back, and one that runs where nobody decided it. The answers change when the evidence
# does, also when somebody changes what is kept behind the server's back; and the evidence of a version verifies offline.
#
# PROFILE: of the programs; PREBUILT=1 builds nothing.
set -euo pipefail
source "$(dirname "$0")/lib/tools.sh"
CS=$(countersign_program)
MLFLOW=3.17.2
PY=$(venv mlflow mlflow==$MLFLOW)
HERE=$ROOT/acceptance/questions
WORK=$(mktemp -d)
SERVER=
trap '[ -z "$SERVER" ] || { kill "$SERVER" && wait "$SERVER" || true; }; rm -rf "$WORK"' EXIT
cd "$WORK"

fail() { echo "$*"; exit 1; }
cs() { "$CS" --dir ours "$@"; }
client() { "$PY" "$HERE/client.py" "$URL" "$PERSON" "$@" 2>>client.log || fail "$(tail -5 client.log)"; }

start() {
  "$CS" --dir ours up --listen 127.0.0.1:0 --json >up.json 2>>up.log &
  SERVER=$!
  for _ in $(seq 100); do grep -q 'http://127.0.0.1:[0-9]*' up.json && break || sleep 0.1; done
  URL=$(grep -o 'http://127.0.0.1:[0-9]*' up.json | head -1)
}
stop() { kill "$SERVER" && wait "$SERVER" || true; SERVER=; }

asked=0
# says WHAT ANSWER: the last answer holds it. lacks: it does not.
says() { grep -qF -- "$1" answer || { cat answer; fail "failed  the answer does not say: $1"; }; }
lacks() { ! grep -qF -- "$1" answer || { cat answer; fail "failed  the answer says: $1"; }; }
# ask VERSION QUESTION
ask() { cs model why "fraud/$1" --ask "$2" >answer 2>&1 || fail "$(cat answer)"; asked=$((asked + 1)); }
ok() { echo "ok      $*"; }
# checked VERSION: the data of its run is held against what is expected, and the verdict is evidence of the run.
printf 'amount\n1.5\n' >october.csv
printf "[columns.amount]\ntype = 'number'\n" >expected.toml
checked() {
  local run
  run=$(cs model why "fraud/$1" --json | "$PY" -c 'import json,sys; print(json.load(sys.stdin)["dossier"]["run"]["id"])')
  cs data check october.csv --against expected.toml --run "$run" --dataset payments.features >/dev/null || fail "failed  the check of version $1"
}
gaps() { cs model why "fraud/$1" --json | "$PY" -c 'import json,sys; print(" ".join(g["name"] for g in json.load(sys.stdin)["dossier"]["gaps"]))'; }
is() { [ "$1" = "$2" ] && ok "$3" || fail "failed  $3: $2 instead of $1"; }
# approve: whatever waits for people is approved.
approve() {
  for case in $(cs approvals list --json | grep -o 'case_[0-9a-f]*' | sort -u); do
    cs approvals approve "$case" --reason "the holdout looks right" --solo >/dev/null
  done
}

"$CS" demo --once --listen 127.0.0.1:0 >demo.log 2>&1 || fail "$(cat demo.log)"
cs init --name inventory --owner ana -- "$CS" demo --serve "$WORK/countersign-demo/inventory.db" >init.log 2>&1 || fail "$(cat init.log)"
start
AGENT=$(cat ours/keys/agent-*.key)
PERSON=$(cat ours/keys/admin.key)

# Version 1: everything is known of it. An agent asks for its promotion, a person approves.
client tell "select amount" "the first features"
is 1 "$(client train 1 0.1 | tail -1)" "the stock client registers a version"
cs model evaluate fraud 1 --suite holdout --check 'auc=0.93[0.91,0.95]>=0.9' --check 'rows=10000' >/dev/null
checked 1
curl -s -X PUT -H "Authorization: Bearer $AGENT" -H 'Content-Type: application/json' "$URL/v1/models/fraud/aliases/champion" \
  -d '{"version": 1, "reason": "best on the holdout"}' >/dev/null
approve
for _ in $(seq 50); do cs model why fraud >/dev/null 2>&1 && break || sleep 0.2; done
cs model deploy fraud 1 --to eu --reason "the first release" >/dev/null
client load 1 loaded
cs model report fraud --target eu --serves 1 --folder loaded >/dev/null

is "" "$(gaps 1)" "a version with a full history has no gaps"
ask 1 running; says "version 1 is to run"; says as-declared; says "the sealed files"
ask 1 origin; says "sealed as"; says "FINISHED"; says "rate=0.1"; says "terraform"; says "https://example.com/fraud.git"; lacks "not recorded"
ask 1 data; says payments.features; says "payments.features, by its name alone"; says "came of dataset warehouse:payments.raw"; says "came of job warehouse:prepare"
ask 1 changes; says "none is known"
ask 1 approved; says "approved by person:ana"; says "the holdout looks right"; says "auc 0.93 [0.91, 0.95] >=0.9 passed"; says "best on the holdout"
ask 1 differs; says "there is no release before it"
ask 1 rollback; says "there is no release before it"
ok "a version with a full history: every question is answered"

# Version 2: of nothing. What is missing is named.
client bare >/dev/null
is "no-environment no-evaluation no-infrastructure no-run not-sealed" "$(gaps 2 | tr ' ' '\n' | sort | paste -sd' ')" "the gaps of a version of nothing are named"
ask 2 origin; says "its files are not sealed"; says "names no run"
ask 2 data; says "logged no data"
ask 2 approved; says "nobody approved anything"; says "nobody evaluated it"
ok "a version with gaps: they are named, and nothing is made up"

# Version 3: promoted, and rolled back.
client tell "select amount, country" ""
client train 3 0.5 >/dev/null
checked 3
cs model promote fraud 3 --reason "a new feature" >/dev/null
ask 3 changes; says "sourceCode changed"; says "without a word of why"
is "no-evaluation undocumented-change" "$(gaps 3 | tr ' ' '\n' | sort | paste -sd' ')" "a change of preprocessing without a word of why is found"
ask 3 differs; says "version 3 against version 1"; says "parameters rate: 0.1 → 0.5"; says "files all:"; says "code revision:"
ask 3 rollback; says "model rollback fraud --alias champion --to 1"
before=$(date +%s%N)
cs model rollback fraud --reason "it refuses too many" >/dev/null
took=$((($(date +%s%N) - before) / 1000000))
ask 3 approved; says "nobody approved anything"
ask 1 approved; says "it refuses too many"; says "no person was asked"
cs model history fraud >answer; says "alias champion moved from version 3 to 1"
ok "a version that was rolled back: the command is told, takes $took ms, and the answers follow"

# Version 4: runs where nobody decided it.
client train 4 0.7 >/dev/null
checked 4
cs model report fraud --target eu --serves 4 >/dev/null
ask 4 running; says other-version
is "no-evaluation runs-around-the-road undocumented-change" "$(gaps 4 | tr ' ' '\n' | grep -v '^$' | sort | paste -sd' ')" "a version deployed around the road is found"
cs model running >answer 2>&1 && fail "failed  a version around the road exits with 0" || { says "nobody decided"; says deployment-differs; }
cs model report fraud --target eu --serves 1 --folder loaded >/dev/null
touch loaded/more
cs model report fraud --target eu --serves 1 --folder loaded >answer; says other-files
rm loaded/more
cs model report fraud --target us --serves 1 >answer; says undeclared
cs model report fraud --target us >/dev/null
cs model report fraud --target eu --serves 1 --folder loaded >/dev/null
is "" "$(gaps 1)" "and once the hosts run what was decided, nothing is missing"

# The answers change when the evidence does.
cs model evaluate fraud 1 --suite drift --check 'psi=0.4<0.1' >/dev/null
is evaluation-failed "$(gaps 1)" "a failed evaluation is told"
cs model evaluate fraud 1 --suite drift --check 'psi=0.02<0.1' >/dev/null
is "" "$(gaps 1)" "one that passes later takes its place"

# Evidence for a stranger.
cs model why fraud --ask gaps --evidence fraud.evidence >/dev/null 2>&1 || fail "no evidence"
key=$(cs log key)
"$CS-verify" fraud.evidence --key "$key" >verify.log || fail "$(cat verify.log)"
"$PY" - <<'PY'
data = bytearray(open("fraud.evidence", "rb").read())
data[len(data) // 2] ^= 1
open("bad.evidence", "wb").write(data)
PY
! "$CS-verify" bad.evidence --key "$key" >/dev/null 2>&1 || fail "failed  an altered bundle verifies"
ok "the evidence of a version verifies offline, and an altered one does not: $(grep -i '^about' verify.log | tr -s ' ')"
cs replay >replay.log || fail "$(cat replay.log)"
cs rebuild >rebuild.log || fail "$(cat rebuild.log)"
ok "decisions are replayed equal, state is rebuilt equal"

# Behind the server's back: each change of what is kept is noticed.
altered=0
alter() { # SQL GAPS VERSION
  stop
  "$PY" -c 'import sqlite3; sqlite3.connect("ours/data/tracking.db").execute("PRAGMA wal_checkpoint(TRUNCATE)")'
  cp ours/data/tracking.db kept.db
  "$PY" - "$1" <<'PY'
import sqlite3, sys
db = sqlite3.connect("ours/data/tracking.db")
for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
    db.execute(f"DROP TRIGGER {name}")
changed = db.execute(sys.argv[1]).rowcount
db.commit()
db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
db.close()
sys.exit(0 if changed else "nothing was changed")
PY
  start
  is "$2" "$(gaps "${3:-1}" | tr ' ' '\n' | sort | paste -sd' ')" "noticed: $1"
  altered=$((altered + 1))
  stop
  rm -f ours/data/tracking.db-wal ours/data/tracking.db-shm
  cp kept.db ours/data/tracking.db
  start
}
RUN="(SELECT seq FROM run WHERE id = (SELECT run FROM model_version WHERE number = 1))"
alter "UPDATE param SET value = '0.2' WHERE key = 'rate' AND run = $RUN" run-differs
alter "UPDATE point SET value = value / 2 WHERE series IN (SELECT id FROM series WHERE run = $RUN)" run-differs
alter "UPDATE dataset SET digest = 'november' WHERE id IN (SELECT dataset FROM input WHERE run = $RUN)" "no-lineage run-differs"
alter "UPDATE seal SET digest = zeroblob(32) WHERE model = (SELECT model FROM seal ORDER BY at LIMIT 1)" "files-differ no-evaluation record-missing runs-around-the-road"
alter "UPDATE artifact SET digest = zeroblob(32) WHERE path IN (SELECT s.place || '/MLmodel' FROM seal s ORDER BY s.at LIMIT 1)" files-differ
alter "UPDATE model_alias SET number = 3 WHERE alias = 'champion'" "alias-around-the-road no-evaluation undocumented-change" 3
alter "UPDATE model_move SET action = NULL WHERE kind = 'alias-moved'" not-decided
alter "UPDATE model_move SET action = 'act_00000000000000000000000000000000' WHERE kind = 'alias-moved'" decision-missing
alter "UPDATE model_move SET action = (SELECT action FROM model_move WHERE kind = 'deployment-moved') WHERE kind = 'alias-moved'" decision-missing
alter "DELETE FROM model_move WHERE kind = 'alias-moved'" alias-around-the-road
alter "UPDATE attestation SET body = (SELECT body FROM attestation WHERE status = 3 ORDER BY id DESC LIMIT 1) WHERE status = 3" record-missing
client touch 1
sleep 0.2
cs model why fraud --json >/dev/null
is run-changed "$(gaps 1)" "a run that is changed after its end is told"
figure "the questions of a version in production: asked of four versions; changes behind the server's back noticed; a rollback" \
  "$asked; $altered; $took ms"
