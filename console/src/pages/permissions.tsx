/** Permissions: what agents may do in advance, within bounds that people have approved; and taking one back, at once. */

import { type FormEvent, useState } from "react";

import { type LoggedIn, Problem, remove, type Schema } from "../api/client.ts";
import { useSeconds } from "../api/clock.ts";
import { useResource } from "../api/use.ts";
import { Text } from "../render/Text.tsx";
import { Clock, Dialog, Digest, Empty, Link, Note, PageHead, Pill, ProblemNote } from "../ui/parts.tsx";
import { many } from "../ui/words.ts";

type Permission = Schema<"Permission">;

/** Says what a permission would cover, before the exact arguments that say the same. */
export function Asked({ asked }: { asked: Schema<"PermissionAsked"> }) {
  return (
    <section className="card">
      <h2>This would be permitted in advance</h2>
      <div className="stack-s">
        <p className="mono"><Text>{asked.covers}</Text></p>
        <p><strong>{asked.limits}</strong> from when it is given, without anybody being asked again.</p>
        <p className="quiet small">For: <Text>{asked.purpose}</Text>{asked.requested_by ? ` · asked for by ${asked.requested_by}` : ""}</p>
      </div>
    </section>
  );
}

function RevokeDialog({ one, onClose, onDone }: { one: Permission; onClose: () => void; onDone: (says: string) => void }) {
  const [reason, setReason] = useState("");
  const [problem, setProblem] = useState<Problem>();
  const revoke = (event: FormEvent) => {
    event.preventDefault();
    remove(`/v1/permissions/${encodeURIComponent(one.id)}`, { reason: reason.trim() }).then(
      () => onDone(`${one.agent} must ask again.`),
      (error: unknown) => setProblem(error instanceof Problem ? error : undefined),
    );
  };
  return (
    <Dialog title={`Revoke a permission of ${one.agent}`} onClose={onClose}>
      <form className="stack" onSubmit={revoke}>
        <p className="quiet">It covers nothing more at once, and waits for no decision. What has left already goes on.</p>
        <p className="mono"><Text>{one.covers}</Text></p>
        <label className="field"><span>Why? It is recorded.</span><input className="input" value={reason} onChange={(event) => setReason(event.target.value)} autoFocus /></label>
        {problem ? <ProblemNote problem={problem} /> : null}
        <div className="row">
          <button type="submit" className="button button-bad" disabled={reason.trim() === ""}>Revoke it</button>
          <button type="button" className="button button-bare" onClick={onClose}>Cancel</button>
        </div>
      </form>
    </Dialog>
  );
}

function One({ one, onRevoke }: { one: Permission; onRevoke: (() => void) | undefined }) {
  return (
    <li className="card switch">
      <div className="stack-s">
        <div className="row"><Pill tone="watch">{one.uses_left} of {many(one.uses, "use")} left</Pill><span className="quiet small">until <Clock at={one.expires_at} /></span></div>
        <h2>{one.agent}{one.on_behalf_of ? ` for ${one.on_behalf_of}` : ""}</h2>
        <p className="mono"><Text>{one.covers}</Text></p>
        <p><Text>{one.purpose}</Text></p>
        <p className="quiet small">approved by {one.profiles.join(" and ")}{one.requested_by ? `, asked for by ${one.requested_by}` : ""} · <Link to={`/actions/${one.request}`}>the request</Link> · <Digest of={one.id} label="permission" /></p>
      </div>
      {onRevoke ? <button type="button" className="button" onClick={onRevoke}>Revoke</button> : null}
    </li>
  );
}

export function PermissionsPage({ who }: { who: LoggedIn }) {
  const changes = ["grant", "decided", "bundle", "erasure"];
  const read = useResource<Schema<"Permissions">>("/v1/permissions", (event) => changes.includes(event.kind));
  const now = useSeconds() * 1_000;
  const [revoking, setRevoking] = useState<Permission>();
  const [told, setTold] = useState("");
  const held = (read.data?.permissions ?? []).filter((one) => now < one.expires_at);
  return (
    <div className="page">
      <PageHead title="Permissions">What agents may do in advance: asked for with a purpose, approved by people, bounded, and over after a while.</PageHead>
      {told ? <div role="status"><Note tone="good">{told}</Note></div> : null}
      {read.problem ? <ProblemNote problem={read.problem} /> : null}
      {read.data && held.length === 0 ? <Empty icon="permissions" title="No permission holds">Agents ask for each action that needs people.</Empty> : null}
      <ul className="stack">{held.map((one) => <One key={one.id} one={one} onRevoke={who.auditor ? undefined : () => setRevoking(one)} />)}</ul>
      {revoking ? <RevokeDialog one={revoking} onClose={() => setRevoking(undefined)} onDone={(says) => { setRevoking(undefined); setTold(says); read.again(); }} /> : null}
    </div>
  );
}
