/** Enrolment: whoever was invited makes their passkey, with the token alone. */

import { type FormEvent, useState } from "react";

import { Problem, type Schema } from "../api/client.ts";
import { enrol, refusal, whyNone } from "../api/passkey.ts";
import { Seal } from "../ui/icons.tsx";
import { Link, Note } from "../ui/parts.tsx";

function words(error: unknown): string {
  return error instanceof Problem ? error.message : refusal(error) ?? "That did not work.";
}

function Enrolled({ passkey }: { passkey: Schema<"PasskeyLine"> }) {
  return (
    <div className="stack" role="status">
      <Note tone="good"><strong>The passkey of {passkey.person} is enrolled.</strong> It logs you in and signs your votes from now on; {passkey.invited_by} invited you, and the record says so.</Note>
      <p><Link to="/inbox">To the inbox</Link></p>
    </div>
  );
}

export function EnrolPage() {
  const [token, setToken] = useState("");
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState<string>();
  const [made, setMade] = useState<Schema<"PasskeyLine">>();
  const none = whyNone();

  const submit = (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setRefused(undefined);
    enrol(token.trim()).then(setMade, (error: unknown) => setRefused(words(error))).finally(() => setBusy(false));
  };

  return (
    <main className="login">
      <div className="login-box stack appear">
        <div className="login-head"><Seal /><h1>Your passkey</h1></div>
        <p className="quiet">It logs you in, and signs your votes, each over exactly what you were shown. Another person invited you and gave you a token, for one passkey.</p>
        {none ? <Note tone="ask">{none}</Note> : null}
        {made ? <Enrolled passkey={made} /> : (
          <form className="stack" onSubmit={submit}>
            <label className="field">
              <span>The token of your invitation</span>
              <input className="input mono" type="password" name="token" autoComplete="off" spellCheck={false} value={token} onChange={(event) => setToken(event.target.value)} autoFocus />
            </label>
            {refused ? <div className="note tone-bad" role="alert">{refused}</div> : null}
            <button type="submit" className="button button-main" disabled={busy || none !== undefined || token.trim() === ""}>{busy ? "One moment" : "Enrol a passkey"}</button>
          </form>
        )}
      </div>
    </main>
  );
}
