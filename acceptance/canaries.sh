#!/usr/bin/env bash
# Canary secrets: arguments, results, errors, progress, questions and credentials that nobody may find again. A server is run
# with everything it can log, calls are answered, held, approved, denied, cancelled, killed and left in doubt, and everything
# that anybody reads of it is written down: then every byte of it is searched, in every form in which a secret could stand.
set -euo pipefail
source "$(dirname "$0")/lib/tools.sh"
CS=$(countersign_program)
VERIFY=${CS%/*}/countersign-verify
WORK=$(mktemp -d)
SERVER=
CLIENT=
trap 'for one in $CLIENT $SERVER; do kill "$one" 2>/dev/null; wait "$one" 2>/dev/null; done; rm -rf "$WORK"' EXIT
SEEN=$WORK/seen
HIDDEN=$WORK/hidden
FILE=$HIDDEN/canaries.json
CANARIES="python3 $ROOT/acceptance/lib/canaries.py"
mkdir "$SEEN" "$HIDDEN"
cd "$SEEN"
export COUNTERSIGN_DIR=$WORK/countersign COUNTERSIGN_LOG=trace CANARY_FILE=$FILE
ulimit -c unlimited

python3 - "$FILE" <<'PY'
import json, secrets, sys
texts = ["argument named", "argument object", "argument list", "argument deep", "argument inside a text", "result object",
         "result list", "result named", "resource text", "resource named", "answer of a person", "credential of the server",
         "metadata of a session", "task of a session"]
numbers = ["argument number", "argument deep number", "result number"]
canaries = {name: f'c"{secrets.token_urlsafe(18)}/é' for name in texts}
canaries |= {name: str(secrets.randbelow(8 * 10**15) + 10**15) for name in numbers}
open(sys.argv[1], "w").write(json.dumps(canaries))
PY
$CANARIES prove "$FILE" "$HIDDEN/planted"
CANARY_CREDENTIAL=$(python3 -c "import json,sys; print(json.load(open(sys.argv[1]))['credential of the server'])" "$FILE")
export CANARY_CREDENTIAL

up() {
  # Whoever starts it as JSON is given the first person's key.
  rm -f "$HIDDEN/up.json"
  "$CS" up --listen 127.0.0.1:0 --json >"$HIDDEN/up.json" 2>>up.log &
  SERVER=$!
  for _ in $(seq 1 200); do [ -s "$HIDDEN/up.json" ] && return; sleep 0.1; done
  tail up.log && exit 1
}

# say NAME COMMAND…: runs a command and keeps what it says.
say() {
  local name=$1
  shift
  "$@" >"said.$name" 2>"said.$name.err" || true
}

# open_case: waits until a case is open and prints it.
open_case() {
  for _ in $(seq 1 100); do
    local case
    case=$("$CS" approvals list --json 2>/dev/null | grep -oE 'case_[0-9a-z-]+' | head -1) && [ -n "$case" ] && echo "$case" && return
    sleep 0.1
  done
  echo "no case is open" >&2
  return 1
}

client() {
  rm -f orders
  mkfifo orders
  python3 "$ROOT/acceptance/lib/canary_client.py" "$FILE" "$CS" wrap --server vault <orders >>client.txt 2>>client.log &
  CLIENT=$!
  exec 7>orders
}

# order TEXT: tells the agent, and waits until it says so many lines more.
order() {
  local lines
  lines=$(wc -l <client.txt)
  echo "$1" >&7
  for _ in $(seq 1 200); do [ "$(wc -l <client.txt)" -gt "$lines" ] && return; sleep 0.1; done
  echo "the agent does not answer: $1" && tail -5 client.log && exit 1
}

"$CS" init --name vault --owner ana --env CANARY_FILE --env CANARY_CREDENTIAL -- python3 "$ROOT/acceptance/lib/canary_server.py" >init.txt 2>init.log
grep -q 'secret = \["/box", "/codes/\*", "/deep/\*/apiKey", "/password", "/pin"\]' "$COUNTERSIGN_DIR/bundle/catalog/vault.toml"
# What a resource says is nothing that a schema describes, and the question of the server is to be put.
python3 - "$COUNTERSIGN_DIR/bundle" <<'PY'
import pathlib, sys
bundle = pathlib.Path(sys.argv[1])
catalog = bundle / "catalog/vault.toml"
text = catalog.read_text()
head = '[tools."mcp:resources/read"]\n'
text = text.replace(head, head + 'secret_results = ["/**"]\n')
before, behind = text.split('[tools."mcp:elicitation/create"]\n')
behind = behind.replace('class = "write"', 'class = "read"', 1).replace('effect = "unsafe"', 'effect = "read"', 1)
catalog.write_text(before + '[tools."mcp:elicitation/create"]\n' + behind)
# A write is given up before the server answers it.
obligations = bundle / "obligations.toml"
text = obligations.read_text()
assert "deadline_ms = 120000" in text
obligations.write_text(text.replace("deadline_ms = 120000", "deadline_ms = 3000"))
schema = bundle / "schema.cedarschema"
lines = schema.read_text().splitlines(keepends=True)
of = [line.replace("class:write", "class:read") if '"vault.mcp:elicitation/create" in' in line else line for line in lines]
schema.write_text("".join(of))
PY
"$CS" policy check >check.txt
touch client.txt
up
"$CS" policy activate >activate.txt 2>activate.log
client
order "call peek ok"
order "call peek error"
order "call peek failed"
order "call peek progress"
order "call peek loud"
order "call peek ask"
order "read vault://a"
order "call burn ok"
order "leave store ok"
CASE=$(open_case)
say approvals.show "$CS" approvals show "$CASE"
say approvals.show.json "$CS" approvals show "$CASE" --json
say approve "$CS" approvals approve "$CASE" --reason "fine" --solo
order "wait"
order "leave store error"
CASE=$(open_case)
say deny "$CS" approvals deny "$CASE" --reason "no"
order "wait"
order "leave store failed"
CASE=$(open_case)
order "cancel"
order "leave store late"
CASE=$(open_case)
say approve.late "$CS" approvals approve "$CASE" --reason "fine" --solo
order "wait"
sleep 3
# Sessions whose task repeats a secret of their metadata, and whose task is a text with one.
python3 - "$FILE" "$HIDDEN/up.json" "$COUNTERSIGN_DIR/keys/agent-agent.key" >sessions.txt <<'PY'
import json, sys, urllib.request
canaries, up = (json.load(open(path)) for path in sys.argv[1:3])
key, metadata = open(sys.argv[3]).read().strip(), canaries["metadata of a session"]
task = json.dumps({"do": "look around", "password": canaries["task of a session"]})
head = {"authorization": f"Bearer {key}", "content-type": "application/json"}
for new in ({"metadata": {"api_key": metadata}, "task": {"prompt": f"log in with {metadata} and look around"}}, {"task": {"prompt": task}}):
    request = urllib.request.Request(up["url"] + "/v1/sessions", json.dumps(new).encode(), head)
    session = json.load(urllib.request.urlopen(request, timeout=20))["session"]
    call = {"tool": "vault.peek", "arguments": {"mode": "ok", "note": "a note"}, "session": session}
    urllib.request.urlopen(urllib.request.Request(up["url"] + "/v1/actions", json.dumps(call).encode(), head), timeout=20).read()
    print(session)
PY
order "call peek die"
# An agent that carries its calls out by itself, and reports.
python3 - "$FILE" >"$HIDDEN/event.json" <<'PY'
import json, sys
canaries = json.load(open(sys.argv[1]))
call = {"mode": "ok", "password": canaries["argument named"], "pin": int(canaries["argument number"])}
print(json.dumps({"tool_name": "peek", "tool_input": call, "tool_use_id": "use_1",
                  "tool_response": {"session": canaries["result object"], "note": f"echo {canaries['argument named']}"}}))
PY
hook() { python3 -c "import json,sys; print(json.dumps({**json.load(open('$HIDDEN/event.json')), 'hook_event_name': '$1'}))" | "$CS" hook --server vault; }
say hook.pre hook PreToolUse
grep -q allow said.hook.pre
say hook.post hook PostToolUse
order "leave peek slow"
sleep 1
kill -9 "$SERVER"
wait "$SERVER" 2>/dev/null || true
exec 7>&-
kill "$CLIENT" 2>/dev/null || true
wait "$CLIENT" 2>/dev/null || true
CLIENT=
up
grep "Max core file size" "/proc/$SERVER/limits" | grep -q " 0 " || { echo "core dumps are not turned off"; exit 1; }
client
order "call peek ok"

# Everything that people read of it.
KEY=$("$CS" log key)
ACTIONS=$("$CS" log tail -n 1000 --json | grep -oE 'act_[0-9a-z-]+' | sort -u)
say tail "$CS" log tail -n 1000
say doctor "$CS" doctor
say keys "$CS" key list
say tool "$CS" tool show vault.peek
say tools "$CS" tool list --json
say approvals "$CS" approvals list --all --json
for action in $ACTIONS; do
  say "trace.$action" "$CS" trace "$action"
  say "trace.$action.json" "$CS" trace "$action" --json
done
"$CS" log export $ACTIONS -o all.evidence 2>/dev/null || "$CS" log export --agent agent -o all.evidence
for session in $(cat sessions.txt); do "$CS" log export --session "$session" -o "$session.evidence"; done
mkdir opened && for session in $(cat sessions.txt); do python3 -m zipfile -e "$session.evidence" "opened/$session"; done
[ "$(grep -rlF "look around" opened | wc -l)" = 2 ] || { echo "the tasks of the sessions are not recorded"; exit 1; }
say population "$CS" audit population
say trust "$CS" audit trust-root -o trust.root
say verify "$VERIFY" all.evidence --key "$KEY" --json
ADMIN=$(cat "$COUNTERSIGN_DIR/keys/admin.key")
URL=$(python3 -c "import json; print(json.load(open('$HIDDEN/up.json'))['url'])")
mkdir http
python3 - "$ROOT/docs/reference/openapi.json" "$URL" "$ADMIN" $ACTIONS >http/list <<'PY'
import json, re, sys, urllib.error, urllib.request
document, url, key, *actions = sys.argv[1:]
paths = [path for path, methods in json.load(open(document))["paths"].items() if "get" in methods]
def get(path):
    request = urllib.request.Request(url + path, headers={"authorization": f"Bearer {key}"})
    # Events have no end: what came before is read until nothing more comes.
    events = path.startswith("/v1/events")
    try:
        with urllib.request.urlopen(request, timeout=2 if events else 20) as answer:
            told = b""
            try:
                while chunk := answer.read1(65536) if events else answer.read():
                    told += chunk
            except TimeoutError:
                pass
            return answer.status, told
    except urllib.error.HTTPError as error:
        return error.code, error.read()
cases = re.findall(r"case_[0-9a-z-]+", get("/v1/approvals?state=all")[1].decode() + get("/v1/approvals")[1].decode())
names = {"/v1/actions/{id}": actions, "/v1/approvals/{id}": sorted(set(cases)), "/log/tile/{path}": ["0/000", "0/000.p/1"],
         "/v1/tools/{tool}": ["vault.peek", "vault.store", "vault.burn"]}
count = 0
for path in paths:
    for value in names.get(path, [""]):
        full = re.sub(r"\{[a-z]+\}", value, path) + {"/v1/export": f"?action={actions[0]}", "/v1/events": "?last=1000"}.get(path, "")
        status, answer = get(full)
        count += 1
        print(full, status)
        open(f"http/{count}", "wb").write(answer)
PY
say sample "$CS" audit sample --n 25 --seed canaries -o request.json
say reconstruct "$CS" audit reconstruct --request request.json
say check "$CS" log check
exec 7>&-
wait "$CLIENT" || true
CLIENT=
kill "$SERVER"
wait "$SERVER" || true
SERVER=
say replay "$CS" replay
grep -q " 0 differ" said.replay || grep -qi "equal" said.replay
# The last session met again, by an agent that brings its secrets along and calls what is not in the record too.
say incident "$CS" incident run last
say incident.json "$CS" incident run last --json
for told in "" "--report incident.report"; do
  printf 'call peek ok\ncall peek other\ncall store ok\n' |
    python3 "$ROOT/acceptance/lib/canary_client.py" "$FILE" "$CS" incident serve last $told >>incident.txt 2>>incident.log
done
grep -q "^ok 1 of 1 runs" said.incident
[ "$(grep -c "^peek ok done" incident.txt)" = 2 ] || { echo "the recorded call is not answered:"; cat incident.txt; exit 1; }
for file in incident.log incident.report said.incident.json; do
  grep -qF "(secret)" "$file" || { echo "$file does not say where secrets were"; exit 1; }
done
for program in admin agent-agent; do
  [ ! -e "$COUNTERSIGN_DIR/keys/$program.key" ] || $CANARIES add "$FILE" "key $program" <"$COUNTERSIGN_DIR/keys/$program.key"
done

for expected in "peek ok done" "peek error error -32000" "peek failed isError" "peek progress done" "peek loud done" "peek ask done" "read done" "which done" "store late is left"; do
  grep -q "^$expected" client.txt || { echo "the run did not do what it should: $expected"; exit 1; }
done
for expected in "a note that anybody may see" '"$redacted"'; do
  grep -rqF "$expected" http || { echo "the answers do not hold $expected"; exit 1; }
done
grep -q "200$" http/list
grep -rqF "no answer within 3000 ms" said.trace.* || { echo "no call ran into its deadline"; exit 1; }
[ -z "$(find "$WORK" -name 'core*' -type f)" ] || { echo "a core dump was left behind"; exit 1; }
mv "$COUNTERSIGN_DIR/keys" "$HIDDEN/keys"
$CANARIES search "$FILE" "$SEEN" "$COUNTERSIGN_DIR"
echo "no canary is found"
