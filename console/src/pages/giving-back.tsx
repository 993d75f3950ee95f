/** The dialog in which authority is given back: with a reason, and by decision. */

import { type FormEvent, useState } from "react";

import { Problem } from "../api/client.ts";
import { Dialog, Link, Note, ProblemNote } from "../ui/parts.tsx";

/** Asks for a reason and does it; where people must approve it first, the dialog stays and leads to their case. */
export function GivingBack({ verb, what, says, act, onClose, onDone }: { verb: string; what: string; says: string; act: (reason: string) => Promise<unknown>; onClose: () => void; onDone: () => void }) {
  const [reason, setReason] = useState("");
  const [problem, setProblem] = useState<Problem>();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    act(reason.trim()).then(onDone, (error: unknown) => setProblem(error instanceof Problem ? error : undefined));
  };
  const waits = problem?.status === 202;
  return (
    <Dialog title={`${verb} ${what}`} onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        <p className="quiet">{says}</p>
        <label className="field"><span>Why? It is recorded.</span><input className="input" value={reason} onChange={(event) => setReason(event.target.value)} autoFocus /></label>
        {waits ? <Note tone="ask">People must approve it first. {problem.body?.approval ? <Link to={`/inbox/${problem.body.approval.id}`}>The case</Link> : null} Once they have, {verb.toLowerCase()} it again.</Note> : problem ? <ProblemNote problem={problem} /> : null}
        <div className="row">
          <button type="submit" className="button button-main" disabled={reason.trim() === ""}>{verb} it</button>
          <button type="button" className="button button-bare" onClick={onClose}>Cancel</button>
        </div>
      </form>
    </Dialog>
  );
}
