#!/usr/bin/env bash
# The whole HTTP contract before schemathesis, which nobody here wrote: every operation of the served document, with requests that fit it and
# requests that do not, as each kind of caller there is: without a key, as an agent, as an agent that reviews, as an auditor, as a person who
# approves, as one who administers, and as a page with a login. No answer is a 5xx, none has a status or a shape that the document does not state for it, and whoever an
# operation does not name in `x-countersign-callers` is refused, whatever they send.
#
# Each caller has a server of its own, begun from the same folder. What stops the log comes last. EXAMPLES: how many
# requests are drawn for an operation besides those that cover its schema; PHASES: of schemathesis; SEED: of what is drawn.
set -euo pipefail
source "$(dirname "$0")/lib/tools.sh"
"$ROOT/scripts/need.sh" contract
CS=$(countersign_program)
SCHEMATHESIS=4.32.5
PY=$(venv contract schemathesis==$SCHEMATHESIS)
HERE=$ROOT/acceptance/contract
EXAMPLES=${EXAMPLES:-100}
PHASES=${PHASES:-examples,coverage,fuzzing}
SEED=${SEED:-$(date +%s)}
export PATH="${CS%/*}:$PATH"
WORK=$(mktemp -d)
SERVERS=()
wrong=()
trap 'for pid in "${SERVERS[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true; done; rm -rf "$WORK"' EXIT
cd "$WORK"
start=$SECONDS

fail() { echo "$*"; exit 1; }
quiet() { "$@" >said 2>&1 || fail "$*: $(cat said)"; }

# up FOLDER: a server on it, whose address is in FOLDER.url.
up() {
  COUNTERSIGN_DIR=$WORK/$1 countersign up --listen 127.0.0.1:0 --json >"$1.up" 2>"$1.log" &
  SERVERS+=($!)
  for _ in $(seq 200); do
    grep -o 'http://127.0.0.1:[0-9]*' "$1.up" | head -1 >"$1.url" && [ -s "$1.url" ] && return
    sleep 0.1
  done
  fail "$(cat "$1.log")"
}

# An agent that executes by itself, one that reviews, people of each kind, and an agent that nobody needs; permissions, break-glass, and a
# breaker that opens at once.
quiet countersign demo --once --listen 127.0.0.1:0
quiet countersign init --name inventory --owner ana -- countersign demo --serve "$WORK/countersign-demo/inventory.db"
sed -i '/^definition = /d' countersign/bundle/catalog/*.toml
sed -i 's/^solo = true/solo = false/; s/^authors = .*/authors = []/' countersign/bundle/bundle.toml
sed -i 's/^owner = .*/&\nmodel_family = "claude"/' countersign/bundle/agents.toml
sed -i 's/^timeout_ms = .*/timeout_ms = 21600000\nreview_by = ["agent:checker"]\nreview_ms = 21600000/' countersign/bundle/escalation.toml
printf '\n[agents.checker]\nowner = "kim"\nmodel_family = "llama"\nreviewer = true\n' >>countersign/bundle/agents.toml
printf '\n[permissions]\nminutes_max = 60\nuses_max = 10\n' >>countersign/bundle/bundle.toml
cat >>countersign/bundle/people.toml <<'TOML'

[people.ben]
groups = ["owners"]

[people.kim]
groups = ["owners"]

[people.eve]
groups = []

[people.zoe]
role = "auditor"
TOML
cat >countersign/bundle/break_glass.toml <<'TOML'
groups = ["owners"]
minutes = 60
reviewers = "owners"
review_hours = 24
TOML
cat >>countersign/bundle/breakers.toml <<'TOML'

[circuits.lookups]
covers = { tool = "inventory.get_service" }
failures = 1
of_last = 1
within_ms = 600000
pause_ms = 600000
pause_ms_max = 900000
TOML
cat >>countersign/bundle/policies/administration.cedar <<'CEDAR'

@id("administration.permissions")
permit (principal in Team::"agents", action == Action::"countersign.permission.request", resource);
CEDAR
rm -f countersign/bundle/tests/*.toml
mkdir callers
up countersign
export COUNTERSIGN_DIR=$WORK/countersign
quiet countersign policy activate --reason "people of each kind"
cp countersign/keys/agent-agent.key callers/agent
cp countersign/keys/admin.key callers/person
countersign key create --person ben >callers/approver
countersign key create --person kim >callers/helper
countersign key create --person zoe >callers/auditor
countersign key create --agent checker >callers/reviewer
"$PY" "$HERE/seed.py" "$(cat countersign.url)" callers contract.json
followed=$("$PY" "$HERE/follow.py" "$(cat countersign.url)" contract.json callers)
kill "${SERVERS[0]}" && wait "${SERVERS[0]}" 2>/dev/null || true
SERVERS=()

CHECKS=only_its_callers,its_status_is_stated,the_server_does_not_fail,status_code_conformance,content_type_conformance
CHECKS+=,response_headers_conformance,response_schema_conformance,unsupported_method
# fuzz CALLER FOLDER ARGUMENTS…: lets schemathesis loose on a server, with whatever makes it that caller.
fuzz() {
  local caller=$1 folder=$2 checks=$CHECKS
  shift 2
  # It takes keys away again to see whether they were needed, but not the cookie of a login, whose name has the port.
  [ "$folder" = login ] || checks+=,ignored_auth
  COUNTERSIGN_CALLER=$caller COUNTERSIGN_COUNTS=$WORK/counts SCHEMATHESIS_HOOKS=checks PYTHONPATH=$HERE \
    "${PY%/*}/st" --config-file "$HERE/schemathesis.toml" run contract.json --url "$(cat "$folder.url")" \
    --checks "$checks" --phases "$PHASES" \
    --max-examples "$EXAMPLES" --seed "$SEED" --generation-database none --no-color --no-shrink --continue-on-failure \
    --request-timeout 30 --exclude-operation-id follow_events "$@" >"$folder.out" 2>&1 || {
    # It ends so, too, if it could not begin.
    grep -qE '^=* (FAILURES|ERRORS)' "$folder.out" || tail -30 "$folder.out"
    sed -n '/^=* FAILURES/,/^=* SUMMARY/p; /^=* ERRORS/,/^=* SUMMARY/p' "$folder.out"
    wrong+=("$folder")
  }
}
bearer() { echo "Authorization: Bearer $(cat "callers/$1")"; }
# What ends the log, or a login.
STOPS=(freeze_log close_log log_out)

# as WHO KIND: one caller, on a server of its own.
as() {
  local who=$1 kind=$2 headers=() asks=() skip=() last=() op
  cp -r countersign "$who" && up "$who"
  case $who in
    none) ;;
    login) "$PY" "$HERE/login.py" "$(cat login.url)" callers/person >login.headers && mapfile -t headers <login.headers ;;
    *) headers=("$(bearer "$who")") ;;
  esac
  # Whoever may stop the log does so at the end; everybody else is refused, and shows that with all the rest.
  [ "$kind" != person ] || for op in "${STOPS[@]}"; do skip+=(--exclude-operation-id "$op") last+=(--include-operation-id "$op"); done
  fuzz "$kind" "$who" "${headers[@]/#/--header=}" "${skip[@]}"
  [ "$kind" = person ] || return 0
  # Whatever was asked must have been asked by somebody whom the server knows.
  for op in "${headers[@]}"; do asks+=(--header "$op"); done
  curl --silent --show-error --fail --output said "${asks[@]}" "$(cat "$who.url")/v1/switches" || fail "$who is no longer let in"
  COUNTERSIGN_REFUSALS="log-frozen log-closed" fuzz person "$who" "${headers[@]/#/--header=}" "${last[@]}"
}
as none none
as agent agent
as reviewer agent
as auditor auditor
as approver person
as login person
as person person
[ ${#wrong[@]} = 0 ] || fail "wrong as: ${wrong[*]}; seed $SEED"

"$PY" "$HERE/sum.py" counts contract.json >sum || fail "$(cat sum)"
cat sum
took=$((SECONDS - start))
figure "the HTTP contract before schemathesis $SCHEMATHESIS: operations, kinds of caller, requests; server errors, undocumented answers, callers let in who are not named" \
  "$(tail -1 sum), $followed on the stream of events; 0, 0, 0; $took s, seed $SEED"
