#!/usr/bin/env bash
# Pipelines of models: the stock MLflow client trains behind a check of its data and registers, and the rest happens or says why not. Files that
# are not as expected, one of each kind, stop the training; versions are promoted by themselves where policy permits, wait for a person where it
# asks one, and end at each step with the reason; the server is killed in the middle; nothing is proposed twice.
#
# PROFILE: of the programs; PREBUILT=1 builds nothing.
set -euo pipefail
source "$(dirname "$0")/lib/tools.sh"
CS=$(countersign_program)
MLFLOW=3.17.2
PY=$(venv mlflow mlflow==$MLFLOW)
HERE=$ROOT/acceptance/pipeline
WORK=$(mktemp -d)
SERVER=
trap '[ -z "$SERVER" ] || { kill "$SERVER" && wait "$SERVER" || true; }; rm -rf "$WORK"' EXIT
cd "$WORK"

fail() { echo "$*"; exit 1; }
ok() { echo "ok      $*"; }
# is WANTED GOT WHAT
is() { [ "$1" = "$2" ] && ok "$3" || fail "failed  $3: $2 instead of $1"; }
cs() { "$CS" --dir ours "$@"; }

start() {
  "$CS" --dir ours up --listen 127.0.0.1:0 --json >up.json 2>>up.log &
  SERVER=$!
  for _ in $(seq 100); do grep -q 'http://127.0.0.1:[0-9]*' up.json && break || sleep 0.1; done
  URL=$(grep -o 'http://127.0.0.1:[0-9]*' up.json | head -1)
}
killed() { kill -9 "$SERVER"; wait "$SERVER" 2>/dev/null || true; SERVER=; start; }
client() { "$PY" "$HERE/train.py" "$URL" "$@" 2>>client.log || fail "$(tail -5 client.log)"; }
# train KEY MODEL FILE: only if the file is as expected. Prints the version's number.
train() { cs data check "$3" --against expected.toml --dataset transactions >>checks.log && client "$@" | tail -1 | cut -d' ' -f2; }
# at MODEL VERSION: where it stands. why: the reason. wait_for MODEL VERSION WHERE
of() { cs model pipeline "$1/$2" --json 2>/dev/null | "$PY" -c 'import json,sys; p = json.load(sys.stdin).get("pipeline") or {}; print(eval(sys.argv[1]))' "$3"; }
at() { of "$1" "$2" 'p.get("step", "none") + " " + p.get("state", "")' || true; }
why() { of "$1" "$2" 'p.get("why", "")' || true; }
wait_for() { for _ in $(seq 150); do [ "$(at "$1" "$2")" = "$3" ] && return || sleep 0.2; done; cs model pipeline "$1/$2" || true; fail "failed  $1/$2 is at $(at "$1" "$2"): $(why "$1" "$2"), not $3"; }
champion() { client "$PERSON" "$1" alias | tail -1; }
cases() { cs approvals list --all --json | grep -o 'case_[0-9a-f]*' | sort -u | wc -l; }
waiting() { cs approvals list --json | grep -o 'case_[0-9a-f]*' | sort -u; }

"$CS" demo --once --listen 127.0.0.1:0 >demo.log 2>&1 || fail "$(cat demo.log)"
cs init --name inventory --owner ana -- "$CS" demo --serve "$WORK/countersign-demo/inventory.db" >init.log 2>&1 || fail "$(cat init.log)"
grep -q 'pipelines/NAME.toml' ours/bundle/catalog/registry.toml || fail "failed  the starter bundle says nothing of pipelines"
start
AGENT=$(cat ours/keys/agent-*.key)
PERSON=$(cat ours/keys/admin.key)

# Data, as it should be, and with one fault of each kind.
cat >expected.toml <<'TOML'
[volume]
rows_min = 20
rows_max = 1000
[freshness]
column = "at"
age_max = "48h"
[columns.id]
type = "integer"
nulls_max = 0
[columns.amount]
type = "number"
min = 0
max = 1000
[columns.currency]
type = "text"
allowed = ["EUR", "USD"]
nulls_max = 0.1
[columns.at]
type = "time"
TOML
"$PY" - <<'PY'
import datetime, random
random.seed(7)
now = datetime.datetime.now(datetime.timezone.utc)
head = ["id", "amount", "currency", "at"]
def rows(age=datetime.timedelta(hours=3), count=60):
    return [[str(n), f"{random.uniform(1, 900):.2f}", random.choice(["EUR", "USD"]), (now - age - datetime.timedelta(minutes=n)).strftime("%Y-%m-%dT%H:%M:%SZ")] for n in range(count)]
def write(name, rows, head=head):
    open(name, "w").write("".join(",".join(row) + "\n" for row in [head, *rows]))
def fault(name, change, **more):
    all = rows()
    change(all)
    write(name, all, **more)
write("good.csv", rows())
write("other.csv", rows())
fault("bad-present.csv", lambda all: [row.pop(2) for row in all], head=["id", "amount", "at"])
fault("bad-unknown-columns.csv", lambda all: [row.append("x") for row in all], head=[*head, "more"])
def at(n, column, value):
    return lambda all: all[n].__setitem__(column, value)
fault("bad-type.csv", at(4, 1, "NaN"))
fault("bad-range.csv", at(5, 1, "1000.01"))
fault("bad-allowed.csv", at(6, 2, "GBP"))
fault("bad-nulls.csv", at(7, 0, ""))
fault("bad-lines.csv", lambda all: all[8].append("more"))
write("bad-rows.csv", rows(count=19))
write("bad-freshness.csv", rows(age=datetime.timedelta(hours=49)))
PY
refused=0
for file in bad-*.csv; do
  kind=${file#bad-}; kind=${kind%.csv}
  status=0
  (train "$PERSON" fraud "$file") >trained.txt 2>check.err || status=$?
  [ "$status" = 1 ] && [ ! -s trained.txt ] || fail "failed  $file was trained on: $status $(cat trained.txt check.err)"
  cs data check "$file" --against expected.toml >found.txt 2>&1 || true
  grep -q "failed $kind" found.txt || fail "failed  $kind is not told: $(cat found.txt)"
  is 1 "$(grep -c '^failed' found.txt)" "$kind: $(grep '^failed' found.txt)"
  refused=$((refused + 1))
done
! cs model history fraud >/dev/null 2>&1 || fail "failed  something was registered of bad data"

# Pipelines: one that promotes at once, one that waits for evaluations.
bundle() { mkdir -p ours/bundle/pipelines; cat >"ours/bundle/pipelines/$1.toml"; }
bundle fraud <<'TOML'
models = ["fraud"]
[validate]
gaps_refused = ["not-sealed", "no-run", "no-parameters", "uncommitted-code"]
data_checked = true
[promote]
alias = "champion"
reason = "it has what we ask for"
TOML
bundle churn <<'TOML'
models = ["chu*"]
[evaluate]
suites = ["fair", "holdout"]
within_hours = 24
[promote]
alias = "champion"
reason = "it passed what we ask for"
TOML
echo 'models = ["x"]' | bundle broken
cs policy check >broken.txt 2>&1 && fail "failed  a broken pipeline validates"
grep -q 'pipelines/broken.toml:1:1: missing field `promote`' broken.txt || fail "failed  $(cat broken.txt)"
rm ours/bundle/pipelines/broken.toml
cs policy activate --reason "pipelines" >activate.txt 2>&1 || fail "$(cat activate.txt)"
ok "pipelines are a part of the bundle, and a broken one is told with its place"

# By itself, where policy permits.
is 1 "$(train "$PERSON" fraud good.csv)" "the stock client registers behind a check of its data"
wait_for fraud 1 "promote done"
is 1 "$(champion fraud)" "and the version is promoted by itself"
cs model why fraud/1 --ask data >data.txt
grep -q 'transactions, the same bytes' data.txt || fail "failed  $(cat data.txt)"
is 0 "$(cases)" "nobody was asked"

# A person is asked about what an agent has registered; the server is killed while it waits.
is 2 "$(train "$AGENT" fraud other.csv)" "an agent registers"
wait_for fraud 2 "approve waiting"
killed
wait_for fraud 2 "approve waiting"
is 1 "$(cases)" "after a kill the case is the same, and there is no other"
cs approvals approve "$(waiting)" --reason "the data was checked" --solo >/dev/null
wait_for fraud 2 "promote done"
is 2 "$(champion fraud)" "a person approves, and the server promotes it"
cs model pipeline fraud/2 >told.txt
grep -q 'approve done: person:ana approved it: the data was checked' told.txt || fail "failed  $(cat told.txt)"

# It ends at each step, and says why.
number=$(client "$PERSON" fraud good.csv unlogged | tail -1 | cut -d' ' -f2)
wait_for fraud "$number" "validate failed"
is "data-not-checked: nobody checked some of its training data" "$(why fraud "$number")" "validate: without a check of its data"
run=$(cs model why "fraud/$number" --json | "$PY" -c 'import json,sys; print(json.load(sys.stdin)["dossier"]["run"]["id"])')
cs data check bad-range.csv --against expected.toml --run "$run" --dataset transactions >/dev/null 2>&1 && fail "failed  bad data passes"
cs model why "fraud/$number" --ask gaps >gaps.txt
grep -q 'data-check-failed' gaps.txt || fail "failed  $(cat gaps.txt)"
ok "a check that failed is evidence of the run too"

is 4 "$(train "$AGENT" fraud good.csv)" "an agent registers another one"
wait_for fraud 4 "approve waiting"
cs approvals deny "$(waiting)" --reason "too soon" >/dev/null
wait_for fraud 4 "approve failed"
is "person:ana refused it: too soon" "$(why fraud 4)" "approve: refused by a person"

is 1 "$(train "$PERSON" churn good.csv)" "a model with evaluations is registered"
wait_for churn 1 "evaluate waiting"
is "fair,holdout" "$(client "$PERSON" churn tag 1 | tail -1)" "whoever evaluates is told by a tag"
cs model evaluate churn 1 --suite fair --check 'gap=0.3<0.1' >/dev/null
wait_for churn 1 "evaluate failed"
is "it failed fair" "$(why churn 1)" "evaluate: a suite was failed"

cs kill --tool registry.set_alias --reason "nothing is promoted today" >kill.txt 2>&1 || fail "$(cat kill.txt)"
is 5 "$(train "$PERSON" fraud good.csv)" "one is registered while a kill switch is set"
wait_for fraud 5 "promote failed"
[[ "$(why fraud 5)" == killed:* ]] || fail "failed  $(why fraud 5)"
cs switch clear tool:registry.set_alias --reason "go on" >lift.txt 2>&1 || fail "$(cat lift.txt)"
is 2 "$(champion fraud)" "promote: denied, with the reason, and nothing was moved"

# Killed while evaluations are waited for; superseded; promoted once.
is 2 "$(train "$AGENT" churn good.csv)" "an agent registers a second version"
wait_for churn 2 "evaluate waiting"
cs model evaluate churn 2 --suite fair --check 'gap=0.02<0.1' >/dev/null
killed
cs model evaluate churn 2 --suite holdout --check 'auc=0.93>=0.9' >/dev/null
wait_for churn 2 "approve waiting"
late=$(waiting)
is 3 "$(train "$AGENT" churn other.csv)" "and a third before anybody has approved"
wait_for churn 2 "approve superseded"
is "version 3 was registered" "$(why churn 2)" "the older one is superseded"
cs approvals approve "$late" --reason "late" --solo >late.txt 2>&1 && fail "failed  what is superseded is approved"
ok "and its case is withdrawn"
for suite in fair holdout; do cs model evaluate churn 3 --suite $suite --check 'x=1>=1' >/dev/null; done
wait_for churn 3 "approve waiting"
cs approvals approve "$(waiting)" --reason "better" --solo >/dev/null 2>&1 &
approving=$!
sleep 0.05
killed
wait "$approving" || true
wait_for_any() { for _ in $(seq 150); do case "$(at churn 3)" in "promote done") return ;; "approve waiting") [ -z "$(waiting)" ] || cs approvals approve "$(waiting)" --reason "better" --solo >/dev/null 2>&1 || true ;; esac; sleep 0.2; done; fail "failed  $(at churn 3): $(why churn 3)"; }
wait_for_any
is 3 "$(champion churn)" "killed in the middle of an approval, it is promoted all the same"
is 1 "$(cs model history churn | grep -c 'alias champion')" "once"

cs model why churn/3 --evidence churn.evidence >/dev/null 2>&1 || fail "no evidence"
"$CS-verify" churn.evidence --key "$(cs log key)" >verify.log || fail "$(cat verify.log)"
ok "the steps are in the evidence of the version, which verifies offline"
cs replay >replay.log || fail "$(cat replay.log)"
cs rebuild >rebuild.log || fail "$(cat rebuild.log)"
ok "decisions are replayed equal, state is rebuilt equal"
figure "pipelines with MLflow's stock client ($MLFLOW): files of data with one fault each, stopped before training / versions that ended at each of 4 steps with the reason / promoted twice, over 3 kills" \
  "$refused of $refused / 4 of 4 / 0"
