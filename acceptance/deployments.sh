#!/usr/bin/env bash
# What runs is observed: a JSON endpoint, an inference server, MLflow's own scoring server and a cluster's API behind TLS are probed, and a
# host signs what it runs. A version that is swapped behind the server's back, an alias and a declaration that are changed in the file, files
# that differ: each is an incident within a reconciliation, told to a receiver, listed with how it is mended, and ended when it is mended. A
# restart tells nothing again.
#
# PROFILE: of the programs; PREBUILT=1 builds nothing. WITHOUT_MLFLOW=1 leaves MLflow's own server out.
set -euo pipefail
source "$(dirname "$0")/lib/tools.sh"
CS=$(countersign_program)
MLFLOW=3.17.2
PY=$(venv mlflow mlflow==$MLFLOW)
HERE=$ROOT/acceptance/deployments
WORK=$(mktemp -d)
SERVER=
PIDS=()
stop() { [ -z "$SERVER" ] || { kill "$SERVER" && wait "$SERVER" || true; } 2>/dev/null; SERVER=; }
trap 'stop; for pid in "${PIDS[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true; done; rm -rf "$WORK"' EXIT
cd "$WORK"
right=0

fail() { echo "failed  $*"; tail -5 up.log 2>/dev/null || true; exit 1; }
ok() { echo "ok      $*"; right=$((right + 1)); }
quiet() { "$@" >quiet.log 2>&1 || fail "$*: $(cat quiet.log)"; }
cs() { "$CS" --dir ours "$@"; }
client() { "$PY" "$ROOT/acceptance/questions/client.py" "$URL" "$PERSON" "$@" 2>>client.log || fail "$(tail -5 client.log)"; }
until_true() { for _ in $(seq 300); do "$@" >/dev/null 2>&1 && return; sleep 0.2; done; fail "not within 60 s: $*: $(cat seen 2>/dev/null)"; }
# state TARGET STATE: how the target compares now. open TEXT, none: what incidents are listed. told TEXT: what the receiver was sent last of all.
state() { cs model running fraud --json 2>/dev/null >seen || true; grep -q . seen && python3 -c 'import json,sys; sys.exit({one["target"]: one["state"] for one in json.load(open("seen"))["deployments"]}.get(sys.argv[1]) != sys.argv[2])' "$@"; }
open_incident() { cs model incidents >seen 2>&1 && return 1; grep -q incident-open seen && grep -qF -- "$1" seen; }
closed_incident() { cs model incidents --all >seen 2>&1 || true; grep -F -- "$1" seen | grep -q mended && ! open_incident "$1"; }
told() { grep -F -- "$1" got | grep -qF -- "$2"; }
# refused CODE COMMAND…
refused() { local code=$1; shift; ! "$@" >seen 2>&1 || fail "taken: $*"; grep -qF "$code" seen || fail "instead of $code: $(cat seen)"; ok "refused with $code"; }
start() {
  rm -f up.json
  "$CS" --dir ours up --listen 127.0.0.1:0 --json >up.json 2>>up.log &
  SERVER=$!
  for _ in $(seq 100); do grep -q 'http://127.0.0.1:[0-9]*' up.json && break || sleep 0.1; done
  URL=$(grep -o 'http://127.0.0.1:[0-9]*' up.json | head -1)
  [ -n "$URL" ] || fail "the server does not start"
}
# alter SQL: behind the server's back.
alter() {
  python3 - "$1" <<'PY'
import sqlite3, sys
db = sqlite3.connect("ours/data/tracking.db", timeout=10)
changed = db.execute(sys.argv[1]).rowcount
db.commit()
sys.exit(0 if changed else "nothing was changed")
PY
}

quiet openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=own-authority -keyout ca.key -out ca.pem
quiet openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr
printf 'subjectAltName=DNS:localhost\n' >names
quiet openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem
echo '{"model": {"name": "fraud", "version": 1}}' >json.json
echo 1 >ready
echo "a-token" >token
: >got
: >pods
python3 "$HERE/servers.py" "$WORK" &
PIDS+=($!)
until_true test -s ports
read -r DOCUMENT INFERENCE CLUSTER HOOK <ports
LOCAL='allow_private = true
private = ["127.0.0.1/32", "::1/128"]'

"$CS" demo --once --listen 127.0.0.1:0 >demo.log 2>&1 || fail "$(cat demo.log)"
cs init --name inventory --owner ana -- "$CS" demo --serve "$WORK/countersign-demo/inventory.db" >init.log 2>&1 || fail "$(cat init.log)"
cp ca.pem token ours/keys/ 2>/dev/null || { mkdir -p ours/keys && cp ca.pem token ours/keys/; }
openssl rand -base64 32 >ours/keys/hook.secret
cat >ours/notify.toml <<END
[targets.hook]
kind = "webhook"
url = "http://127.0.0.1:$HOOK/"
secret_file = "hook.secret"
events = ["incident-opened", "incident-ended"]
$LOCAL
END
echo '[probes.eu]
kind = "xml"
model = "fraud"' >ours/probes.toml
"$CS" --dir ours up --listen 127.0.0.1:0 >bad.log 2>&1 && fail "settings that cannot be read start a server" || { grep -q probes-invalid bad.log && ok "settings that cannot be read start no server (probes-invalid)" || fail "$(cat bad.log)"; }
SCORING=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >ours/probes.toml <<END
every_seconds = 1
[probes.eu-json]
kind = "json"
model = "fraud"
target = "eu"
url = "http://127.0.0.1:$DOCUMENT/status"
version = "/model/version"
$LOCAL
[probes.us-inference]
kind = "open-inference"
model = "fraud"
target = "us"
url = "http://127.0.0.1:$INFERENCE"
$LOCAL
[probes.k8s]
kind = "kubernetes"
model = "fraud"
namespace = "serving"
selector = "app=fraud"
url = "https://localhost:$CLUSTER"
token_file = "token"
ca_file = "ca.pem"
$LOCAL
[probes.scoring]
kind = "mlflow"
model = "fraud"
url = "http://127.0.0.1:$SCORING"
$LOCAL
END
start
PERSON=$(cat ours/keys/admin.key)

client tell "select amount" "the features"
client train 1 0.1 >/dev/null
client train 2 0.5 >/dev/null
client load 1 loaded
SEAL=$(cs model why fraud/1 --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["dossier"]["seal"]["digest"])' | sed 's/^sha256://')
[ ${#SEAL} = 64 ] || fail "the seal is $SEAL"
for n in 1 2 3; do echo "1 $SEAL sha256:aa"; done >pods
cs model promote fraud 1 --reason "the first" >/dev/null
for target in eu us k8s scoring; do cs model deploy fraud 1 --to $target --reason "the first release" >/dev/null; done

# Each kind of probe.
until_true state eu as-declared && ok "a JSON endpoint is probed"
until_true state us as-declared && ok "an inference server is probed"
until_true state k8s as-declared && ok "a cluster's API is asked over TLS, page by page"
cs model running fraud >seen 2>&1 || true
grep k8s seen | grep -q "the sealed files" && ok "the cluster's pods show the sealed files" || fail "$(cat seen)"

echo '{"model": {"version": 2}}' >json.json
until_true state eu other-version
until_true open_incident "eu of fraud" && grep -q "model deploy fraud 2 --to eu" seen && ok "a version that is swapped is an incident, with how it is mended"
until_true told '"other-version"' '"name": "eu"' && ok "and told"
echo '{"model": {"version": 1}}' >json.json
until_true closed_incident "deployment eu of fraud" && ok "and ended when it is mended"
until_true told incident.ended '"name": "eu"' && ok "which is told too"
echo '<html>' >json.json
until_true state eu silent && ok "an answer that cannot be read is silence"
echo '{"model": {"version": 1}}' >json.json
until_true state eu as-declared

echo "1 2" >ready
until_true state us mixed-versions && ok "two versions at once are told as such"
echo 1 >ready
until_true state us as-declared
{ echo "1 $SEAL sha256:aa"; echo "1 $SEAL sha256:aa"; echo "1 $(printf '0%.0s' $(seq 64)) sha256:aa"; } >pods
until_true state k8s other-files
until_true open_incident "k8s of fraud" && ok "files that differ on the last page are an incident"
until_true told '"other-files"' '"k8s"' && ok "and told"
{ echo "1 $SEAL sha256:aa"; echo "2 - sha256:bb"; } >pods
until_true state k8s mixed-versions && ok "a mixed rollout is told as such"
for n in 1 2 3; do echo "1 $SEAL sha256:aa"; done >pods
until_true state k8s as-declared
echo other >token
until_true state k8s silent && ok "a token that the cluster refuses is silence"
echo a-token >token
until_true state k8s as-declared

# MLflow's own scoring server tells that it serves, and not what.
if [ -z "${WITHOUT_MLFLOW:-}" ]; then
  PATH="$(dirname "$PY"):$PATH" MLFLOW_TRACKING_URI=file:none "$PY" -m mlflow models serve -m "$WORK/loaded" --env-manager local -h 127.0.0.1 -p "$SCORING" >scoring.log 2>&1 &
  PIDS+=($!)
  says_alive() { cs model running fraud --json >seen 2>/dev/null || true; grep -q "MLflow $MLFLOW serves, and does not say which version" seen; }
  until_true says_alive && state scoring unseen && ok "MLflow's scoring server tells that it serves, and no version"
  cs model report fraud --target scoring --serves 1 --folder loaded >/dev/null
  until_true state scoring as-declared && ok "and its host says which"
  kill "${PIDS[-1]}" && wait "${PIDS[-1]}" 2>/dev/null || true
  until_true state scoring silent && ok "once it is gone, no word of the host helps"
fi
cs model undeploy fraud --from scoring --reason "out" >/dev/null

# Behind the server's back, in its file.
alter "UPDATE model_alias SET number = 2 WHERE alias = 'champion'"
alias_open() { open_incident "alias champion of fraud"; }
echo "        what stands is looked at every minute"
for _ in 1 2; do until_true alias_open && break || true; done
grep -q "model promote fraud 1 --alias champion" seen && ok "an alias that is changed in the file is an incident, with how it is mended" || fail "$(cat seen)"
until_true told alias-around-the-road champion && ok "and told"
cs model promote fraud 1 --reason "as it was decided" >/dev/null
count=$(wc -l <got)
stop
start
until_true closed_incident "alias champion of fraud" && ok "and ended when it is mended, after a restart"
until_true told incident.ended champion
[ "$(grep -c alias-around-the-road got)" = 2 ] && ok "the restart told nothing again ($count before)" || fail "$(cat got)"

# A host that signs.
cs host keygen host.key >public 2>/dev/null
cs host keygen other.key >other 2>/dev/null
refused file-unusable cs host keygen host.key
cs model deploy fraud 1 --to edge --reason "at the edge" >/dev/null
cs model report fraud --target edge --serves 1 >/dev/null
cs host enroll edge --public-key "$(cat public)" --reason "its host" >enrolled
ID=$(grep -o 'host_[0-9a-f]*' enrolled)
refused heartbeat-unsigned cs model report fraud --target edge --serves 1
cs model report fraud --target edge --serves 1 --folder loaded --host-key host.key >seen
grep -q "signed by the host" seen && grep -q "the sealed files" seen && ok "what the host signs counts" || fail "$(cat seen)"
refused host-key-unknown cs model report fraud --target edge --serves 1 --host-key other.key
refused host-key-foreign cs model report fraud --target us --serves 1 --host-key host.key
echo 5 >host.key.counter
cs model report fraud --target edge --serves 2 --host-key host.key >seen && grep -q other-version seen && ok "a lost counter holds up nobody" || fail "$(cat seen)"
open_incident "edge of fraud" && ok "and what it says is held against what is to run" || fail "$(cat seen)"
# The same report once more, and one that was altered, as whoever has listened would send them.
python3 - "$URL" "$PERSON" "$CS" >codes <<'PY'
import json, subprocess, sys, time, urllib.error, urllib.request
url, key, _ = sys.argv[1:]
secret = bytes.fromhex(open("host.key").read().strip())
def post(body):
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/v1/models/fraud/deployments/edge/observed", json.dumps(body).encode(), headers)
    try:
        urllib.request.urlopen(request)
        print("taken")
    except urllib.error.HTTPError as error:
        print(json.load(error)["code"])
ident = [k["id"] for k in json.load(urllib.request.urlopen(urllib.request.Request(f"{url}/v1/host-keys", headers={"Authorization": f"Bearer {key}"})))["keys"]][0]
signed = {"key": ident, "counter": 1, "at": int(time.time() * 1000), "signature": "00" * 64}
post({"version": 1, "signed": signed})
PY
grep -q heartbeat-forged codes && ok "a signature that does not hold is refused (heartbeat-forged)" || fail "$(cat codes)"
cs model report fraud --target edge --serves 1 --folder loaded --host-key host.key >/dev/null
until_true closed_incident "edge of fraud" && ok "and ended once the host says otherwise"
cs host revoke "$ID" --reason "the host is gone" 2>/dev/null
refused host-key-revoked cs model report fraud --target edge --serves 1 --host-key host.key
cs host list >seen && grep -q revoked seen && ok "a key is revoked"

# What was observed is evidence.
cs model why fraud/1 --ask gaps --evidence fraud.evidence >/dev/null 2>&1 || fail "no evidence"
"$CS-verify" fraud.evidence --key "$(cs log key)" >verify.log || fail "$(cat verify.log)"
ok "the evidence of a version holds what was observed, and verifies offline"
cs rebuild >rebuild.log || fail "$(cat rebuild.log)"
figure "deployments observed: a JSON endpoint, an inference server, MLflow's own, a cluster over TLS, and a host that signs; checks that held" "$right"
