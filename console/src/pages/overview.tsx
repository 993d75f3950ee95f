/** Overview: for whoever answers for all of it, at a glance. */

import type { ReactNode } from "react";

import type { ApprovalLine, JournalEvent, Schema, Verdict } from "../api/client.ts";
import { useEvents, useResource } from "../api/use.ts";
import { Text } from "../render/Text.tsx";
import { Link, PageHead, Pill } from "../ui/parts.tsx";
import { dateTime, many, VERDICTS } from "../ui/words.ts";
import { Ladder } from "./agents.tsx";
import { type AuthorityMap, useAuthority } from "./authority.ts";
import { Oversight } from "./oversight.tsx";

const ORDER: readonly Verdict[] = ["allow", "allow_observed", "escalate", "deny"];
const BARS = 30;

function Tile({ to, figure, children, tone }: { to: string; figure: number; children: ReactNode; tone?: "bad" | "ask" | undefined }) {
  return (
    <Link to={to} className={`card tile ${figure > 0 && tone ? `tile-${tone}` : ""}`}>
      <span className="figure num">{figure.toLocaleString("en")}</span>
      <span className="quiet">{children}</span>
    </Link>
  );
}

function decisions(events: readonly JournalEvent[]): JournalEvent[] {
  return events.filter((event) => event.kind === "decided" && event.verdict && event.who?.startsWith("agent:"));
}

/** Draws what was decided, over the time that this browser remembers. */
function Chart({ found }: { found: readonly JournalEvent[] }) {
  const first = found[0]?.at ?? 0;
  const span = Math.max(1_000, (found.at(-1)?.at ?? 0) - first + 1);
  const columns = Array.from({ length: BARS }, () => ({ allow: 0, allow_observed: 0, escalate: 0, deny: 0 }));
  for (const event of found) {
    const column = columns[Math.min(BARS - 1, Math.floor(((event.at - first) / span) * BARS))];
    if (column && event.verdict) column[event.verdict] += 1;
  }
  const sum = (column: Record<Verdict, number>) => ORDER.reduce((total, verdict) => total + column[verdict], 0);
  const most = Math.max(1, ...columns.map(sum));
  return (
    <figure>
      <div className="chart" role="img" aria-label={`${found.length} decisions between ${dateTime(first)} and ${dateTime(first + span)}`}>
        {columns.map((column, key) => (
          <span key={key} className="chart-column">
            {ORDER.map((verdict) => column[verdict] > 0 ? <i key={verdict} className={`fill-${VERDICTS[verdict].tone}`} style={{ height: `${(column[verdict] / most) * 100}%` }} /> : null)}
          </span>
        ))}
      </div>
      <figcaption className="row-apart small quiet"><span>{dateTime(first)}</span><span>{dateTime(first + span)}</span></figcaption>
    </figure>
  );
}

function Split({ found }: { found: readonly JournalEvent[] }) {
  return (
    <ul className="legend">
      {ORDER.map((verdict) => {
        const count = found.filter((event) => event.verdict === verdict).length;
        return <li key={verdict}><i className={`fill-${VERDICTS[verdict].tone}`} /><strong className="num">{count}</strong> <span className="quiet">{VERDICTS[verdict].word}</span></li>;
      })}
    </ul>
  );
}

function Autonomy({ map }: { map: AuthorityMap }) {
  return (
    <section className="card">
      <div className="row-apart"><h2>Autonomy</h2><Link to="/agents">All agents</Link></div>
      <div className="scroll bare" tabIndex={0} role="region" aria-label="Autonomy by agent">
        <table className="table matrix">
          <thead><tr><th scope="col">Agent</th>{map.classes.map((one) => <th key={one.class} scope="col">{one.class}</th>)}</tr></thead>
          <tbody>{map.agents.map((agent) => (
            <tr key={agent.agent}><th scope="row" className="mono">{agent.agent}</th>{agent.classes.map((standing) => <td key={standing.class}><Ladder level={standing.level} /></td>)}</tr>
          ))}</tbody>
        </table>
      </div>
    </section>
  );
}

type Sign = Schema<"DoctorFinding">["sign"];
const SIGNS: Record<Sign, { readonly word: string; readonly tone: "good" | "plain" | "bad"; readonly rank: number }> = {
  bad: { word: "needs somebody", tone: "bad", rank: 0 },
  note: { word: "worth knowing", tone: "plain", rank: 1 },
  good: { word: "as it should be", tone: "good", rank: 2 },
};

function Doctor() {
  const read = useResource<Schema<"Diagnosis">>("/v1/doctor", (event) => event.kind !== "decided" && event.kind !== "outcome");
  const findings = [...(read.data?.findings ?? [])].sort((a, b) => SIGNS[a.sign].rank - SIGNS[b.sign].rank);
  return (
    <section className="card">
      <h2>What is enforced, and what is not</h2>
      <ul className="list">
        {findings.map((finding, key) => (
          <li key={key} className="list-row doctor"><strong>{finding.about}</strong><span className="small"><Text>{finding.says}</Text></span><Pill tone={SIGNS[finding.sign].tone}>{SIGNS[finding.sign].word}</Pill></li>
        ))}
      </ul>
    </section>
  );
}

export function OverviewPage({ cases }: { cases: readonly ApprovalLine[] | undefined }) {
  const events = useEvents();
  const map = useAuthority().data;
  const switches = useResource<Schema<"Switches">>("/v1/switches", (event) => event.kind === "switch").data?.switches.length ?? 0;
  const found = decisions(events);
  const doubts = events.filter((event) => event.kind === "outcome" && (event.what === "failed" || event.what === "in_doubt")).length;
  return (
    <div className="page">
      <PageHead title="Overview">Who may do what, what waits, and what went wrong.</PageHead>
      <div className="tiles">
        <Tile to="/inbox" figure={cases?.length ?? 0} tone="ask">{cases?.length === 1 ? "case waits" : "cases wait"} for people</Tile>
        <Tile to="/switches" figure={switches} tone="bad">{switches === 1 ? "switch is" : "switches are"} set</Tile>
        <Tile to="/live" figure={doubts} tone="bad">failed or in doubt, of late</Tile>
      </div>
      {found.length > 0 ? (
        <section className="card stack">
          <div className="row-apart"><h2>What agents' proposals came to</h2><span className="quiet small">{many(found.length, "decision")} in the last {many(events.length, "record")}</span></div>
          <Split found={found} />
          <Chart found={found} />
        </section>
      ) : null}
      <Oversight />
      {map ? <Autonomy map={map} /> : null}
      <Doctor />
    </div>
  );
}
