#!/usr/bin/env bash
# On-call calendars, with the PyPI package `icalendar`, which nobody here wrote: it reads every calendar that is written, to the same
# shifts that are told one by one; what it writes, in zones, as dates, folded and quoted, is read into the same overrides; and
# what it writes that repeats, overlaps or names nobody is refused.
set -euo pipefail
source "$(dirname "$0")/lib/tools.sh"
CS=$(countersign_program)
PY=$(venv calendar icalendar==7.3.0)
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
cp -r "$ROOT/crates/policy/tests/fixtures/sre" "$WORK/bundle"
told=$("$PY" "$ROOT/acceptance/calendar/check.py" "$CS" "$WORK/bundle")
figure "on-call calendars before icalendar 7.3.0: shifts of ours that it reads alike, overrides read from its calendars, its calendars refused with the right code" "$told"
