/** Live: what happens, as it happens, and only what one wants to see of it. */

import { useState } from "react";

import type { JournalEvent } from "../api/client.ts";
import { useEvents } from "../api/use.ts";
import { Text } from "../render/Text.tsx";
import { Clock, Empty, Link, PageHead, Pill, type Tone } from "../ui/parts.tsx";
import { OUTCOMES, STATES, VERDICTS, subject } from "../ui/words.ts";
import { promotion } from "./promotion.ts";

const SHOWN_MAX = 300;

const KINDS: readonly (readonly [string, string, (event: JournalEvent) => boolean])[] = [
  ["all", "Everything", () => true],
  ["decided", "Decisions", (event) => event.kind === "decided"],
  ["asks", "People", (event) => event.verdict === "escalate" || event.kind === "vote" || event.kind === "review" || event.kind === "case_ended" || event.kind === "decoy"],
  ["denied", "Denied", (event) => event.verdict === "deny" || event.kind === "aggregate"],
  ["outcome", "Outcomes", (event) => event.kind === "outcome"],
  ["models", "Models", (event) => event.kind === "model" || promotion(event.tool) !== undefined],
  ["changes", "Administration", (event) => ["switch", "grant", "key", "bundle", "tool", "erasure", "key_event", "epoch"].includes(event.kind)],
];

const NAMES: Record<string, string> = {
  genesis: "log begins", session_open: "session opens", session_close: "session ends", case_ended: "case", grant: "level", key: "key",
  bundle: "policy", tool: "tool", aggregate: "denials, counted", recovered: "server starts", heartbeat: "alive", erasure: "erasure",
  key_event: "log's keys", epoch: "log goes on",
};

const MODELS: Record<string, { readonly word: string; readonly tone: Tone }> = {
  "sealed": { word: "model sealed", tone: "good" },
  "write-refused": { word: "write refused", tone: "bad" },
  "anchored": { word: "run recorded", tone: "plain" },
  "evaluated": { word: "evaluated", tone: "watch" },
  "observed": { word: "seen to run", tone: "watch" },
  "imported": { word: "imported", tone: "watch" },
  "data-checked": { word: "data checked", tone: "plain" },
  "pipeline-stepped": { word: "pipeline", tone: "plain" },
  "incident": { word: "incident", tone: "bad" },
  "host-key": { word: "host's key", tone: "watch" },
};

function sign(event: JournalEvent): { readonly word: string; readonly tone: Tone } {
  if (event.kind === "decided" && event.verdict) return VERDICTS[event.verdict];
  if (event.kind === "vote") return event.what === "approve" ? { word: "approved", tone: "good" } : { word: "refused", tone: "bad" };
  if (event.kind === "outcome") return OUTCOMES[event.what ?? ""] ?? { word: event.what ?? "outcome", tone: "plain" };
  if (event.kind === "review") return { word: event.what ?? "reviewed", tone: "watch" };
  if (event.kind === "decoy") return { word: `decoy ${event.what ?? "shown"}`, tone: "watch" };
  if (event.kind === "case_ended") return STATES[event.what ?? ""] ?? { word: "case ended", tone: "plain" };
  if (event.kind === "model") return MODELS[event.model ?? ""] ?? { word: "model", tone: "plain" };
  if (event.kind === "switch") return event.what?.endsWith(" lifted") ? { word: "switch lifted", tone: "good" } : { word: "killed", tone: "bad" };
  return { word: NAMES[event.kind] ?? event.kind, tone: "plain" };
}

function text(event: JournalEvent): string {
  return [event.who, event.tool, promotion(event.tool) ? "promotion" : "", event.what, event.why, event.code].filter(Boolean).join(" ").toLowerCase();
}

function What({ event }: { event: JournalEvent }) {
  const moves = promotion(event.tool);
  if (event.tool) return <span className="ellipsis">{moves ? <><span className="chip">promotion: {moves}</span> </> : null}<span className="mono"><Text>{event.tool}</Text></span></span>;
  return <span className="ellipsis">{event.what ? <Text>{event.what}</Text> : null}</span>;
}

function Row({ event }: { event: JournalEvent }) {
  const { word, tone } = sign(event);
  const body = (
    <>
      <span className="quiet small num">{event.index}</span>
      <span className="small"><Clock at={event.at} /></span>
      <span><Pill tone={tone}>{word}</Pill></span>
      <What event={event} />
      <span className="small ellipsis">{event.who ? subject(event.who).name : ""}</span>
      <span className="quiet small ellipsis">{event.why ? <Text>{event.why}</Text> : null}</span>
    </>
  );
  return <li>{event.action ? <Link to={`/actions/${event.action}`} className="live-row">{body}</Link> : <div className="live-row">{body}</div>}</li>;
}

export function LivePage() {
  const events = useEvents();
  const [kind, setKind] = useState("all");
  const [search, setSearch] = useState("");
  const [held, setHeld] = useState<readonly JournalEvent[]>();
  const passes = KINDS.find(([name]) => name === kind)?.[2] ?? (() => true);
  const words = search.toLowerCase().split(/\s+/u).filter((word) => word !== "");
  const source = held ?? events;
  const found = source.filter((event) => passes(event) && words.every((word) => text(event).includes(word)));
  const shown = found.slice(-SHOWN_MAX).reverse();
  const missed = held ? events.filter((event) => event.index > (held.at(-1)?.index ?? -1)).length : 0;
  return (
    <div className="page">
      <PageHead title="Live" aside={
        <button type="button" className="button" aria-pressed={held !== undefined} onClick={() => setHeld(held ? undefined : events)}>
          {held ? `Go on${missed > 0 ? ` (${missed} new)` : ""}` : "Hold still"}
        </button>
      }>
        Every record of the journal, in its order, as soon as it is durable.
      </PageHead>
      <div className="filters" role="group" aria-label="Filters">
        <div className="segments">
          {KINDS.map(([name, label]) => <button key={name} type="button" aria-pressed={kind === name} onClick={() => setKind(name)}>{label}</button>)}
        </div>
        <label className="grow"><span className="hidden-label">Search</span><input className="input" type="search" placeholder="agent, tool, person, reason, code" value={search} onChange={(event) => setSearch(event.target.value)} /></label>
      </div>
      {shown.length === 0 ? <Empty icon="live" title={events.length === 0 ? "Nothing has happened yet" : "Nothing of that kind"}>{events.length === 0 ? "The first record appears here by itself." : "Of the last thousand records, none passes these filters."}</Empty> : (
        <ul className="live card" aria-label="Records, the newest first">{shown.map((event) => <Row key={event.index} event={event} />)}</ul>
      )}
    </div>
  );
}
