/** Breakers: what has stopped an agent by itself, and resetting it. */

import { type ReactNode, useState } from "react";

import { type Schema, tell } from "../api/client.ts";
import { useResource } from "../api/use.ts";
import { Text } from "../render/Text.tsx";
import { Ago, Clock, Note, Pill, ProblemNote } from "../ui/parts.tsx";
import { many } from "../ui/words.ts";
import { GivingBack } from "./giving-back.tsx";

type Circuit = Schema<"Circuit">;
type Bulk = Schema<"Bulk">;
type Named = { readonly breaker: string; readonly agent: string; readonly tool?: string | undefined };

/** Records that may change how a breaker stands. */
const CONCERNS = new Set(["decided", "outcome", "switch", "bundle", "erasure"]);

function Stands({ of, says, tone, children, onReset }: { of: Named; says: string; tone: "bad" | "ask" | "plain"; children: ReactNode; onReset: (() => void) | undefined }) {
  return (
    <li className="card switch">
      <div className="stack-s">
        <div className="row"><Pill tone={tone}>{says}</Pill><span className="quiet small"><Text>{of.breaker}</Text></span></div>
        <h3 className="mono"><Text>{of.agent}</Text>{of.tool ? <> on <Text>{of.tool}</Text></> : null}</h3>
        <p className="quiet small">{children}</p>
      </div>
      {onReset ? <button type="button" className="button" aria-label={`Reset ${of.breaker} of ${of.agent}${of.tool ? ` on ${of.tool}` : ""}`} onClick={onReset}>Reset</button> : null}
    </li>
  );
}

function CircuitCard({ one, onReset }: { one: Circuit; onReset: (() => void) | undefined }) {
  const says = { closed: "some calls failed", open: "open", half_open: "being tried", gone: "not in the policy" }[one.state] ?? one.state;
  const tone = one.state === "open" ? "bad" : one.state === "half_open" ? "ask" : "plain";
  return (
    <Stands of={{ breaker: one.breaker, agent: one.agent, tool: one.tool ?? undefined }} says={says} tone={tone} onReset={onReset}>
      {one.opened_at ? <>Calls kept failing; it opened <Ago at={one.opened_at} />. {one.state === "half_open" ? `${many(one.probes.length, "probe")} out.` : one.until ? <>Probes from <Clock at={one.until} /> on.</> : null}</> : `${many(one.failures, "failure")} lately.`}
    </Stands>
  );
}

function BulkCard({ one, onReset }: { one: Bulk; onReset: (() => void) | undefined }) {
  const says = { free: "counting", full: "no room left", stopped: "stopped", gone: "not in the policy" }[one.state] ?? one.state;
  const tone = one.state === "stopped" ? "bad" : one.state === "full" ? "ask" : "plain";
  return (
    <Stands of={{ breaker: one.breaker, agent: one.agent }} says={says} tone={tone} onReset={onReset}>
      {one.stopped_at ? <>It did too much at once that is hard to take back; stopped <Ago at={one.stopped_at} />{one.until ? <> until <Clock at={one.until} /></> : ", until a person resets it"}.</> : `${many(one.permits, "permit")} lately of what is hard to take back.`}
    </Stands>
  );
}

/** Shows the breakers that have seen something; nothing at all if none has. */
export function Breakers({ may }: { may: boolean }) {
  const read = useResource<Schema<"Breakers">>("/v1/breakers", (event) => CONCERNS.has(event.kind));
  const [resetting, setResetting] = useState<Named>();
  const [done, setDone] = useState("");
  const { circuits = [], bulks = [] } = read.data ?? {};
  const reset = (one: Named) => (may ? () => { setDone(""); setResetting(one); } : undefined);
  if (!read.problem && !done && circuits.length + bulks.length === 0) return null;
  return (
    <section className="stack" aria-labelledby="breakers">
      <h2 id="breakers">Breakers</h2>
      <p className="quiet">They stop an agent by themselves: on a tool whose calls keep failing, or once it does too much at a time that is hard to take back.</p>
      {done ? <div role="status"><Note tone="good">{done}</Note></div> : null}
      {read.problem ? <ProblemNote problem={read.problem} /> : null}
      <ul className="stack">
        {bulks.map((one) => <BulkCard key={`${one.agent}/${one.breaker}`} one={one} onReset={reset({ breaker: one.breaker, agent: one.agent })} />)}
        {circuits.map((one) => <CircuitCard key={`${one.agent}/${one.tool}/${one.breaker}`} one={one} onReset={reset({ breaker: one.breaker, agent: one.agent, tool: one.tool ?? undefined })} />)}
      </ul>
      {resetting ? <GivingBack verb="Reset" what={`${resetting.breaker} of ${resetting.agent}`} says="It is then as if it had never been used. This gives authority back, so policy decides whether you may." act={(reason) => tell("/v1/breakers/reset", { ...resetting, reason })} onClose={() => setResetting(undefined)} onDone={() => { setResetting(undefined); setDone(`The breaker ${resetting.breaker} of ${resetting.agent} is reset.`); read.again(); }} /> : null}
    </section>
  );
}
