#!/usr/bin/env bash
# Signatures of models beside PyPI `model-signing`: the stock MLflow client logs models and downloads them, the server signs them, and both
# programs must accept; what the other one signs must verify here. Then files and signatures are altered, one at a time, and both must refuse.
#
# PROFILE: of the programs; PREBUILT=1 builds nothing.
set -euo pipefail
source "$(dirname "$0")/lib/tools.sh"
CS=$(countersign_program)
MODEL_SIGNING=1.1.1
MLFLOW=$(venv mlflow mlflow==3.17.2)
# That release imports pyOpenSSL without asking for it.
PY=$(venv model-signing model-signing==$MODEL_SIGNING pyOpenSSL==26.4.0)
HERE=$ROOT/acceptance/model_signing
WORK=$(mktemp -d)
UP=
trap '[ -z "$UP" ] || { kill "$UP" && wait "$UP"; } 2>/dev/null || true; rm -rf "$WORK"' EXIT
cd "$WORK"

fail() { echo "$*"; exit 1; }

"$CS" demo --once --listen 127.0.0.1:0 >demo.log 2>&1 || fail "$(cat demo.log)"
"$CS" --dir ours init --name inventory --owner ana -- "$CS" demo --serve "$WORK/countersign-demo/inventory.db" >init.log 2>&1 || fail "$(cat init.log)"
"$CS" --dir ours up --listen 127.0.0.1:0 --json >up.json 2>up.log &
UP=$!
for _ in $(seq 100); do grep -qo 'http://127.0.0.1:[0-9]*' up.json && break || sleep 0.1; done
URL=$(grep -o 'http://127.0.0.1:[0-9]*' up.json | head -1)
wait_for "$URL/v1/health" || fail "$(cat up.log)"

"$PY" "$HERE/folders.py" folders
"$MLFLOW" "$HERE/log.py" "$URL" "$(cat ours/keys/admin.key)" folders downloads >logged 2>log.log || fail "$(cat log.log)"
mkdir signatures
while read -r name model; do
  "$CS" --dir ours model signature "$model" -o "signatures/$name.sig"
  "$CS" --dir ours model signature "$model" | cmp - "signatures/$name.sig"
done < <(grep ' m-' logged)
[ "$(ls signatures | wc -l)" = 5 ] || fail "$(cat logged)"
"$CS" --dir ours model key >key.pem
kill "$UP" && wait "$UP" || true
UP=
# From here on there is no server.
"$PY" "$HERE/check.py" "$CS" downloads signatures key.pem | tee out
figure "signatures of models beside model-signing $MODEL_SIGNING, 5 models of 616 files and 100 MB" \
  "$(tail -1 out | "$PY" -c "import json, sys; print(', '.join(f'{n} {what}' for what, n in json.load(sys.stdin).items()))"), 0 wrong"
