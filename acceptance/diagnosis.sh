#!/usr/bin/env bash
# Diagnosis: a small model is really trained with the stock MLflow client, several times well, and then with planted failures: a learning
# rate, data whose column came in another unit, a changed revision of the preprocessing, a library of another version; each with
# something innocent that differs too. Each must be traced to its cause alone, with the step from which the loss was no number. A last
# failure has a cause that nobody logs: it must not be made up.
#
# PROFILE: of the programs; PREBUILT=1 builds nothing.
set -euo pipefail
source "$(dirname "$0")/lib/tools.sh"
CS=$(countersign_program)
MLFLOW=3.17.2
PY=$(venv mlflow mlflow==$MLFLOW)
HERE=$ROOT/acceptance/diagnosis
WORK=$(mktemp -d)
SERVER=
trap '[ -z "$SERVER" ] || { kill "$SERVER" && wait "$SERVER" || true; }; rm -rf "$WORK"' EXIT
cd "$WORK"

fail() { echo "$*"; exit 1; }
cs() { "$CS" --dir ours "$@"; }

# library VERSION BODY: a library of a version, installed as Python knows it.
library() {
  mkdir -p "lib-$1/stepper-$1.dist-info"
  printf 'Metadata-Version: 2.1\nName: stepper\nVersion: %s\n' "$1" >"lib-$1/stepper-$1.dist-info/METADATA"
  printf 'def stepped(weights, slope, lr):\n    return %s\n' "$2" >"lib-$1/stepper.py"
}

# train NAME LIBRARY DATA WORD…: trains and prints id, status and the first step without a number.
train() {
  local name=$1 lib=$2 data=$3
  shift 3
  PYTHONPATH=$WORK/lib-$lib "$PY" code/train.py "$URL" "$KEY" "$name" "$data" "$@" 2>>train.log || { tail -5 train.log >&2; return 1; }
}

# planted NAME CAUSE INNOCENT -- LIBRARY DATA WORD…: trains badly, and holds the diagnosis against what was planted.
planted() {
  local name=$1 cause=$2 innocent=$3 run status onset
  shift 4
  read -r run status onset < <(train "$name" "$@" | tail -1)
  [ "$status" = FAILED ] && [ "$onset" != none ] || fail "failed  $name: it came out $status, no number from $onset"
  cs model diagnose "$run" --json >"$name.json"
  local others
  # shellcheck disable=SC2086
  others=$("$PY" "$HERE/judge.py" "$name.json" "$cause" "$onset" $innocent) || fail "failed  $name"
  cs model diagnose "$run" >"$name.txt"
  grep -q "no number\|is NaN from step $onset\|is inf from step $onset" "$name.txt" || fail "failed  $name: no onset in $(cat "$name.txt")"
  INNOCENTS=$((INNOCENTS + others))
  echo "ok      $name: $(grep -o 'most likely.*\|none named.*\|nothing that.*' "$name.txt" | head -1), no number from step $onset"
}

"$CS" demo --once --listen 127.0.0.1:0 >demo.log 2>&1 || fail "$(cat demo.log)"
cs init --name inventory --owner ana -- "$CS" demo --serve "$WORK/countersign-demo/inventory.db" >init.log 2>&1 || fail "$(cat init.log)"
"$CS" --dir ours up --listen 127.0.0.1:0 --json >up.json 2>>up.log &
SERVER=$!
for _ in $(seq 100); do grep -q 'http://127.0.0.1:[0-9]*' up.json && break || sleep 0.1; done
URL=$(grep -o 'http://127.0.0.1:[0-9]*' up.json | head -1)
KEY=$(cat ours/keys/admin.key)

# The code lies in a repository of its own, whose revision the client logs by itself.
mkdir code
cp "$HERE/train.py" "$HERE/preprocess.py" code/
commit() { git -C code add . && git -C code -c user.name=ana -c user.email=ana@example.org commit --quiet -m "$1"; }
git init --quiet code
printf '__pycache__/\n' >code/.gitignore
commit "Train"
"$PY" "$HERE/data.py" good.csv bad.csv
library 1.0 'weights - lr * slope'
library 2.0 'weights - lr * 1000 * slope'

for words in "0.05 1 32" "0.02 2 32" "0.1 3 64" "0.05 4 64"; do
  read -r lr seed batch <<<"$words"
  read -r _ status onset < <(train "good-$seed" 1.0 good.csv lr="$lr" seed="$seed" batch="$batch" | tail -1)
  [ "$status $onset" = "FINISHED none" ] || fail "failed  a run that should come out well: $status $onset"
done
echo "ok      four runs came out well"

INNOCENTS=0
planted learning-rate parameter/lr "parameter/seed" -- 1.0 good.csv lr=50 seed=9 batch=64
planted data data/training "parameter/seed" -- 1.0 bad.csv lr=0.02 seed=8 batch=64
planted library "environment/package stepper" "parameter/seed" -- 2.0 good.csv lr=0.05 seed=6 batch=64
planted nothing-logged none "parameter/seed" -- 1.0 good.csv lr=0.05 seed=5 batch=32 hidden=1000
sed -i 's| / 1_000||' code/preprocess.py
commit "Prepare in one pass"
planted preprocessing code/mlflow.source.git.commit "parameter/seed" -- 1.0 good.csv lr=0.1 seed=7 batch=32
figure "diagnosis of really trained runs (MLflow $MLFLOW): planted causes named first and alone; innocent differences named; a cause that nobody logs" \
  "4 of 4; 0 of $INNOCENTS; none made up, and the step from which the loss is no number told for 5 of 5"
