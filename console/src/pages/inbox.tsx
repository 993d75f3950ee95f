/** The inbox: what waits for me, and for others; keyboard first. */

import { useEffect, useState } from "react";

import type { ApprovalLine, LoggedIn } from "../api/client.ts";
import { useSeconds } from "../api/clock.ts";
import { Text } from "../render/Text.tsx";
import { go } from "../router.ts";
import { useKeys } from "../ui/keys.ts";
import { Countdown, Dialog, Empty, Link } from "../ui/parts.tsx";
import { many, subject } from "../ui/words.ts";
import { CaseView } from "./case.tsx";
import { isMine } from "./common.ts";

const KEYS: readonly (readonly [string, string])[] = [
  ["j", "next case"], ["k", "previous case"], ["enter", "read the case"], ["a", "approve, with a reason"],
  ["d", "deny, with a reason"], ["esc", "put it aside"], ["?", "this list"],
];

function Row({ line, current }: { line: ApprovalLine; current: boolean }) {
  return (
    <li>
      <Link to={`/inbox/${line.id}`} current={current} className="inbox-row">
        <span className="inbox-tool mono"><Text>{line.tool}</Text></span>
        <Countdown from={line.opened_at} to={line.expires_at} />
        <span className="quiet small">{subject(line.requester).name}{line.on_behalf_of ? ` for ${line.on_behalf_of}` : ""} · {line.profiles.join(", ")}</span>
      </Link>
    </li>
  );
}

function Group({ title, lines, open }: { title: string; lines: readonly ApprovalLine[]; open: string | undefined }) {
  if (lines.length === 0) return null;
  return (
    <section className="stack-s">
      <h3>{title}</h3>
      <ul className="inbox-rows">{lines.map((line) => <Row key={line.id} line={line} current={line.id === open} />)}</ul>
    </section>
  );
}

function Help({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl className="keys">{KEYS.map(([key, does]) => <div key={key}><dt><kbd>{key}</kbd></dt><dd>{does}</dd></div>)}</dl>
      <div><button type="button" className="button" onClick={onClose}>Close</button></div>
    </Dialog>
  );
}

function useInboxKeys(order: readonly ApprovalLine[], open: string | undefined, help: () => void): void {
  const move = (by: number) => {
    const at = order.findIndex((line) => line.id === open);
    const next = order[at < 0 ? (by > 0 ? 0 : order.length - 1) : Math.max(0, Math.min(order.length - 1, at + by))];
    if (next) go(`/inbox/${next.id}`, true);
  };
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    Enter: () => document.querySelector<HTMLElement>(".case h1")?.focus(),
    Escape: () => go("/inbox"),
    "?": help,
  });
}

export function InboxPage({ cases, who, open }: { cases: readonly ApprovalLine[] | undefined; who: LoggedIn; open: string | undefined }) {
  const [help, setHelp] = useState(false);
  const soonest = [...(cases ?? [])].sort((a, b) => a.expires_at - b.expires_at);
  const now = useSeconds() * 1_000;
  const mine = soonest.filter((line) => isMine(line, now));
  const others = soonest.filter((line) => !isMine(line, now));
  useInboxKeys([...mine, ...others], open, () => setHelp(true));
  // On a wide screen the first case is open at once; what was decided stays until the person moves on.
  const first = mine[0]?.id;
  useEffect(() => {
    if (!open && first && matchMedia("(min-width: 1100px)").matches) go(`/inbox/${first}`, true);
  }, [open, first]);
  return (
    <div className={`inbox ${open ? "inbox-open" : ""}`}>
      <div className="inbox-list stack">
        <header className="row-apart">
          <h1 tabIndex={-1}>Inbox</h1>
          <button type="button" className="button button-small button-bare" onClick={() => setHelp(true)}>Keys <kbd>?</kbd></button>
        </header>
        {cases && mine.length === 0 ? <Empty icon="inbox" title="Nothing waits for you">Whatever needs you appears here by itself.</Empty> : null}
        <Group title={many(mine.length, "case waits", "cases wait") + " for you"} lines={mine} open={open} />
        <Group title="Wait for others" lines={others} open={open} />
      </div>
      <div className="inbox-case">{open ? <CaseView key={open} id={open} who={who} /> : null}</div>
      {help ? <Help onClose={() => setHelp(false)} /> : null}
    </div>
  );
}
