# Sourced after tools.sh: a server in a fresh folder whose escalations count signed votes alone, decided by others than the one who
# owns the agent. CS is the program, WORK the folder and the working directory, URL where it listens; it ends with the script.

CS=$(countersign_program)
export PATH="${CS%/*}:$PATH"
WORK=$(mktemp -d)
UP=
trap '[ -z "$UP" ] || { kill "$UP"; wait "$UP" || true; } 2>/dev/null; rm -rf "$WORK"' EXIT
cd "$WORK"

fail() { echo "$*"; exit 1; }

# prepare PEOPLE…: makes the bundle; the people named join the group that is asked.
prepare() {
  # The demo makes the database that its server is about.
  countersign demo --once --listen 127.0.0.1:0 >demo.log 2>&1 || fail "$(cat demo.log)"
  countersign init --name inventory --owner ana -- "$CS" demo --serve "$WORK/countersign-demo/inventory.db" >init.log 2>&1 || fail "$(cat init.log)"
  sed -i 's/^solo = true/solo = false/; s/^authors = .*/authors = []/' countersign/bundle/bundle.toml
  printf '\n[people.%s]\ngroups = ["owners"]\n' "$@" >>countersign/bundle/people.toml
  sed -i '/^\[profiles.owner\]/a signed = true' countersign/bundle/escalation.toml
  rm -f countersign/bundle/tests/*.toml
}

# Starts the server and puts the bundle in force.
up() {
  countersign up --listen 127.0.0.1:0 --json >up.out 2>up.log &
  UP=$!
  URL=
  for _ in $(seq 1 200); do
    URL=$(grep -o 'http://127.0.0.1:[0-9]*' up.out | head -1) && [ -n "$URL" ] && break
    sleep 0.1
  done
  [ -n "$URL" ] || fail "$(cat up.log)"
  countersign policy activate --reason "signed votes" >/dev/null
}
