#!/usr/bin/env bash
# Telling people, before software that nobody here wrote: standardwebhooks verifies each webhook and refuses it once it is
# altered, cloudevents reads it, aiosmtpd takes mail over both kinds of TLS; a receiver that fails, says when to come again, redirects or
# is gone; a server that is killed; and addresses that nothing is sent to.
set -euo pipefail
source "$(dirname "$0")/lib/tools.sh"
"$ROOT/scripts/need.sh" notify
CS=$(countersign_program)
PY=$(venv notify aiosmtpd==1.4.6 standardwebhooks==1.1.0 cloudevents==2.2.0)
HERE=$ROOT/acceptance/notify
export PATH="${CS%/*}:$PATH"
WORK=$(mktemp -d)
PIDS=()
SERVER=
stop() { [ -z "$SERVER" ] || { kill "$@" "$SERVER" && wait "$SERVER" || true; } 2>/dev/null; SERVER=; }
trap 'stop; for pid in "${PIDS[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true; done; rm -rf "$WORK"' EXIT
cd "$WORK"
right=0

fail() { echo "$*"; [ ! -f up.log ] || tail -20 up.log; exit 1; }
until_true() { for _ in $(seq 300); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done; fail "not within 30 s: $*: $(cat got 2>/dev/null)"; }
# says CODE TEXT COMMAND…: the command must end with that code and say that text.
says() {
  local expected=$1 text=$2 code=0
  shift 2
  "$@" >said 2>&1 || code=$?
  [ $code = "$expected" ] && grep -qF -- "$text" said || fail "instead of $expected and '$text', $code: $(cat said) ($*)"
  right=$((right + 1))
}
# got EXPRESSION: what the receivers wrote down must make it true.
got() { "$PY" -c 'import json, sys; every = [json.loads(line) for line in open("got")]; of = lambda path: [one for one in every if one["path"] == path]; sys.exit(not eval(sys.argv[1]))' "$1"; }
holds() { until_true got "$1"; right=$((right + 1)); }
up() {
  rm -f up.out
  countersign up --listen 127.0.0.1:0 >up.out 2>up.log &
  SERVER=$!
  until_true grep -q 'http://127' up.out
}

quiet() { "$@" >/dev/null 2>&1 || fail "$*"; }
quiet openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=own-authority -keyout ca.key -out ca.pem
quiet openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr
printf 'subjectAltName=DNS:localhost\n' >names
quiet openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem
openssl rand -base64 32 >hook.secret
echo "whsec_$(openssl rand -base64 24)" >old.secret
read -r MAIL1 MAIL2 < <("$PY" -c 'import socket; all = [socket.socket() for _ in range(2)]; [s.bind(("127.0.0.1", 0)) for s in all]; print(*[s.getsockname()[1] for s in all])')
"$PY" "$HERE/receivers.py" "$WORK" "$MAIL1" "$MAIL2" &
PIDS+=($!)
until_true test -s ports
read -r HOOK _ <ports
touch got

# A server, and an agent that executes by itself, so that nothing pins a definition. Its writes need the owner.
quiet countersign demo --once --listen 127.0.0.1:0
quiet countersign init --name inventory --owner ana -- countersign demo --serve "$WORK/countersign-demo/inventory.db"
sed -i '/^definition = /d' countersign/bundle/catalog/*.toml
rm countersign/bundle/tests/*.toml
says 2 'there is no `countersign/notify.toml`' countersign notify check

# What is wrong is said, and no server starts with it.
printf '[targets.x]\nkind = "webhook"\nurl = "https://localhost/"\nsecret = "inline"\nevents = ["case-opened"]\n' >countersign/notify.toml
says 2 'line 4: unknown field `secret`' countersign notify check
grep -q 'code: notify-invalid' said || fail "$(cat said)"
says 2 'notify-invalid' countersign up --listen 127.0.0.1:0
for host in 169.254.169.254 2852039166 0xa9.0xfe.0xa9.0xfe '[::ffff:169.254.169.254]' '[64:ff9b::a9fe:a9fe]' 127.1 0x7f000001 10.0.0.1; do
  printf '[targets.x]\nkind = "webhook"\nurl = "https://%s/"\nsecret_file = "%s/hook.secret"\nevents = ["case-opened"]\n' "$host" "$WORK" >countersign/notify.toml
  says 2 'address-forbidden' countersign notify check
done

EVENTS='["case-opened", "case-ended", "kill-set", "kill-lifted"]'
PRIVATE='allow_private = true
private = ["127.0.0.1/32", "::1/128"]
ca_file = "ca.pem"'
hook() { printf '[targets.%s]\nkind = "webhook"\nurl = "https://localhost:%s/%s"\nsecret_file = "hook.secret"\n%s\nevents = %s\n%s\n' "$1" "$HOOK" "$1" "${2:-}" "$EVENTS" "$PRIVATE"; }
mail() { printf '[targets.%s]\nkind = "email"\nserver = "localhost"\nport = %s\ntls = "%s"\nfrom = "Countersign <countersign@example.com>"\nto = ["ana@example.com"]\nevents = %s\n%s\n' "$1" "$2" "$1" "$EVENTS" "$PRIVATE"; }
people() { printf '[targets.%s]\nkind = "%s"\nurl_file = "%s.url"\nevents = %s\n%s\n' "$1" "$1" "$1" "$EVENTS" "$PRIVATE"; }
cp ca.pem hook.secret old.secret countersign/keys/
echo 'open sesame' >countersign/keys/mail.password
echo "https://localhost:$HOOK/slack" >countersign/keys/slack.url
echo "https://localhost:$HOOK/teams" >countersign/keys/teams.url
{
  printf 'link = "https://countersign.example.com"\n'
  hook hook 'old_secret_file = "old.secret"'
  hook later
  hook gone
  hook redirect
  people slack
  people teams
  mail starttls "$MAIL1"
  printf 'user = "countersign"\npassword_file = "mail.password"\n'
  mail implicit "$MAIL2"
} >countersign/notify.toml
says 0 'case-opened' countersign notify check
grep -q 'no target' said && fail "somebody is not reached: $(cat said)"
says 0 'has taken test_' countersign notify test implicit
holds 'of("implicit")[0]["subject"] == "[Countersign] Countersign reaches this target"'
says 1 'status 410' countersign notify test gone
says 1 'redirects are not followed' countersign notify test redirect
says 2 'there is no target `nobody`' countersign notify test nobody
# A name that leads into this machine's own network, without that being allowed.
cp countersign/notify.toml kept.toml
hook trap | sed '/^private\|^allow_private/d' >countersign/notify.toml
says 1 'is not spoken to' countersign notify test trap
grep -q 'address-forbidden' said || fail "$(cat said)"
hook trap | sed 's/^ca_file.*//' >countersign/notify.toml
says 1 'upstream-unavailable' countersign notify test trap
cp kept.toml countersign/notify.toml

up
URL=$(grep -o 'http://127.0.0.1:[0-9]*' up.out | head -1)
quiet countersign policy activate
propose() { "$PY" - "$URL" "$(cat countersign/keys/agent-agent.key)" "$1" <<'PY'
import json, sys, urllib.request
url, key, service = sys.argv[1:]
body = json.dumps({"tool": "inventory.restart_service", "arguments": {"service": service}}).encode()
request = urllib.request.Request(url + "/v1/actions", data=body, headers={"authorization": f"Bearer {key}", "content-type": "application/json"})
said = json.load(urllib.request.urlopen(request, timeout=20))
print(said["approval"]["id"] if "approval" in said else said)
PY
}
CASE=$(propose web) || fail "nothing was held: $CASE"
for path in /hook /later /slack /teams starttls implicit; do
  holds "len(of('$path')) >= 1"
done
# Failed once, and sent again under the same id; signed with both secrets; nothing that is altered verifies.
holds "[one['id'] for one in of('/hook')][:2] == ['${CASE}_opened'] * 2"
holds "all(one['right'] == [True, True] and not one['altered'] and one['same'] for one in of('/hook'))"
holds "all(one['right'] == [True, False] and not one['altered'] for one in of('/later'))"
holds "of('/hook')[0]['type'] == 'countersign.case.opened' and of('/hook')[0]['data']['link'].endswith('/$CASE')"
holds "of('/hook')[0]['data']['link'].startswith('https://countersign.example.com/')"
holds "len([one for one in of('/later') if one['id'] == '${CASE}_opened']) == 2"
holds "of('/slack')[0]['text'].startswith('agent:agent asks for restart_service on inventory')"
holds "of('/teams')[0]['card'] == 'AdaptiveCard' and of('/teams')[0]['url'].endswith('/$CASE')"
holds "of('starttls')[0]['tls'] and of('starttls')[0]['user'] == 'countersign'"
holds "of('starttls')[0]['kind'] == 'text/plain' and '/$CASE' in of('starttls')[0]['text']"
holds "'Auto-Submitted' in of('starttls')[0]['headers'] and 'Bcc' not in of('starttls')[0]['headers']"
grep -q '"web"' got && fail "an argument was told"
[ "$(grep -c '"path": "/gone"' got)" = 2 ] || fail "a target that is gone was asked again"
grep -q '"path": "/trap"' got && fail "a redirect was followed"
says 1 'stopped' countersign notify status
grep -q 'redirects are not followed' said || fail "$(cat said)"
countersign notify status --json --state sent >status.json || true
says 0 'stopped working' "$PY" -c 'import json; health = {one["name"]: one["health"] for one in json.load(open("status.json"))["targets"]}; print(health["gone"], health["hook"])'
says 1 'target gone' countersign doctor

# Killed without a word: what happens meanwhile is told by the next run, and what was told is not forgotten.
countersign approvals deny "$CASE" --reason "not today" >/dev/null
holds "any(one['data']['state'] == 'denied' for one in of('/hook') if 'state' in one['data'])"
countersign kill --agent agent --reason '<!channel> [approve](https://evil.example) acting up' >/dev/null
stop -9
up
holds "any(one['type'] == 'countersign.kill.set' for one in of('/hook'))"
holds "any('was stopped' in one['subject'] for one in of('starttls'))"
holds "not any(bad in one['text'] for one in of('starttls') + of('implicit') for bad in ('<!channel>', 'https://evil', '[approve]'))"
stop
says 0 'equal' countersign rebuild

figure "notifications before standardwebhooks 1.1.0, cloudevents 2.2.0 and aiosmtpd 1.4.6: verdicts that were right; messages received" \
  "$right of $right; $(wc -l <got)"
