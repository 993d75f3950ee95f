#!/usr/bin/env bash
# The console from end to end: the demo with its real data, its agent over MCP by the official client, and people in Chromium, who
# log in, approve, refuse, vote too late, stop things and verify the log; a corpus of arguments that deceive; runs, models and lineage as
# clients send them over HTTP, a promotion among them, and a graph of a thousand nodes moved; every page looked at in light, dark and on
# a phone by axe, with pictures in target/console.
set -euo pipefail
source "$(dirname "$0")/lib/tools.sh"
"$ROOT/scripts/need.sh" console
CS=$(countersign_program)
PATH="$("$ROOT/scripts/node22.sh"):$PATH"
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
PICTURES=$ROOT/target/console
rm -rf "$PICTURES"
cd "$ROOT/console"
[ -d node_modules ] || npm ci --silent
node --test tests/unit/*.test.ts >"$WORK/unit.log" || { cat "$WORK/unit.log" && exit 1; }
weight=$(node scripts/weigh.ts --only-say | tail -n 1)
echo "$weight"
node tests/browser/run.ts "$CS" "$WORK" "$PICTURES"
echo "pictures of every page are in target/console"
figure "console: a graph of lineage dragged and zoomed in Chromium without a graphics card, 60 frames a second at most: nodes drawn; time from frame to frame" "$(cat "$WORK/frames")"
figure "console: first view, compressed; hostile arguments told from their twins; axe, serious findings" "${weight##*  }; $(node -e 'import("./tests/corpus.ts").then((c) => console.log(c.CORPUS.length))') of them; 0"
