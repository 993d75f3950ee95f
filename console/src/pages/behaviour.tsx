/** Behaviour: what is usual for an agent in each class, and how the present hour compares. */

import type { ReactNode } from "react";

import type { JournalEvent, Schema } from "../api/client.ts";
import { useResource } from "../api/use.ts";
import { Text } from "../render/Text.tsx";
import { many, took } from "../ui/words.ts";

type Baseline = Schema<"Baseline">;

/** How far a plot reaches beyond the larger of what is and what is usual. */
const ROOM = 1.25;

function changes(event: JournalEvent, agent: string): boolean {
  if (event.kind === "bundle" || event.kind === "erasure") return true;
  return (event.kind === "decided" || event.kind === "outcome") && event.who === `agent:${agent}`;
}

function percent(bp: number): string {
  return `${(bp / 100).toFixed(bp % 100 === 0 ? 0 : 1)} %`;
}

/** Draws what is so far as a bar and the end of what is usual as a line; the text says the same. Where that end is not known, a bar would say nothing. */
function Against({ now, most, says }: { now: number | null | undefined; most: number | null | undefined; says: (value: number) => string }) {
  const odd = now != null && most != null && now > most;
  const scale = Math.max(now ?? 0, most ?? 0, 1) * ROOM;
  return (
    <td className="num">
      {now == null ? <span className="quiet">–</span> : <strong className={odd ? "odd" : "regular"}>{says(now)}{odd ? ", not usual" : ""}</strong>}
      {most == null && now == null ? null : <span className="quiet small block">{most == null ? "not known yet" : `usual up to ${says(most)}`}</span>}
      {most == null ? null : (
        <span className="against" aria-hidden="true">
          <i className={odd ? "odd" : ""} style={{ width: `${((now ?? 0) / scale) * 100}%` }} />
          <b style={{ left: `${(most / scale) * 100}%` }} />
        </span>
      )}
    </td>
  );
}

function Hours({ hours, min }: { hours: number; min: number }) {
  return (
    <td className="num">
      {hours < min ? `${hours} of ${many(min, "hour")}` : many(hours, "hour")}
      <span className="quiet small block">{hours < min ? "still learning" : "known"}</span>
      <span className="meter" aria-hidden="true"><i style={{ width: `${Math.min(hours / Math.max(min, 1), 1) * 100}%` }} /></span>
    </td>
  );
}

function Things({ known }: { known: Baseline }) {
  const things: ReactNode[] = [
    ...known.tools.map((tool) => <span key={`t${tool}`} className="block mono"><Text>{tool}</Text></span>),
    ...known.amounts.map(({ pointer, least, most }) => <span key={`a${pointer}`} className="block"><span className="mono"><Text>{pointer}</Text></span> {least} to {most}</span>),
  ];
  if (known.resources > 0) things.push(<span key="r" className="block">{many(known.resources, "resource")}</span>);
  return <td className="small">{things.length > 0 ? things : <span className="quiet">none yet</span>}</td>;
}

function Row({ known }: { known: Baseline }) {
  return (
    <tr>
      <th scope="row">{known.class}<span className="quiet small block regular">{known.baseline}</span></th>
      <Hours hours={known.hours} min={known.hours_min} />
      <Against now={known.volume} most={known.volume_max} says={String} />
      <Against now={known.errors_bp} most={known.errors_bp_max} says={percent} />
      <Against now={known.pace_ms} most={known.pace_ms_max} says={took} />
      <Things known={known} />
    </tr>
  );
}

/** Shows what is usual for an agent; nothing at all if no baseline has learned anything of it. */
export function Behaviour({ agent }: { agent: string }) {
  const read = useResource<Schema<"Baselines">>(`/v1/baselines?agent=${encodeURIComponent(agent)}`, (event) => changes(event, agent));
  const known = read.data?.baselines ?? [];
  if (known.length === 0) return null;
  return (
    <section className="stack-s behaviour" aria-label={`What is usual for ${agent}`}>
      <h3>What is usual</h3>
      <div className="scroll bare" tabIndex={0} role="region" aria-label={`What is usual for ${agent}, and this hour`}>
        <table className="table">
          <thead><tr>{["Class", "Learned from", "Calls this hour", "Failures this hour", "Answers this hour", "Usual tools and amounts"].map((name) => <th key={name} scope="col">{name}</th>)}</tr></thead>
          <tbody>{known.map((one) => <Row key={`${one.class}/${one.baseline}`} known={one} />)}</tbody>
        </table>
      </div>
    </section>
  );
}
