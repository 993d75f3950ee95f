/** Login: with a key, or with a link that logs in once. */

import { type FormEvent, useEffect, useRef, useState } from "react";

import { type LoggedIn, logIn, Problem } from "../api/client.ts";
import { Seal } from "../ui/icons.tsx";
import { Command, Link } from "../ui/parts.tsx";

const LINK = "#login=";

/** Takes the code of a link out of the address, where nobody who looks over a shoulder finds it later. */
function takeLink(): string | undefined {
  if (!location.hash.startsWith(LINK)) return undefined;
  const code = location.hash.slice(LINK.length);
  history.replaceState(null, "", location.pathname + location.search);
  return code;
}

function words(problem: unknown): string {
  if (!(problem instanceof Problem)) return "That did not work.";
  if (problem.code === "unauthenticated") return "This server has issued no such key, or the link was used before or is too old.";
  return problem.message;
}

export function LoginPage({ onLogin }: { onLogin: (who: LoggedIn) => void }) {
  const [key, setKey] = useState("");
  const [busy, setBusy] = useState(() => location.hash.startsWith(LINK));
  const [refused, setRefused] = useState<string>();
  const taken = useRef(false);

  const enter = async (credential: { key: string } | { link: string }) => {
    setBusy(true);
    setRefused(undefined);
    try {
      onLogin(await logIn(credential));
    } catch (problem) {
      setRefused(words(problem));
      setBusy(false);
    }
  };

  useEffect(() => {
    if (taken.current) return;
    taken.current = true;
    const link = takeLink();
    if (link) void enter({ link });
  });

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (key.trim()) void enter({ key: key.trim() });
  };

  return (
    <main className="login">
      <div className="login-box stack appear">
        <div className="login-head"><Seal /><h1>Countersign</h1></div>
        <p className="quiet">What agents want to do, decided by people who can see exactly what it is.</p>
        <form className="stack" onSubmit={submit}>
          <label className="field">
            <span>Your key</span>
            <input className="input mono" type="password" name="key" autoComplete="current-password" spellCheck={false} value={key} onChange={(event) => setKey(event.target.value)} autoFocus />
          </label>
          {refused ? <div className="note tone-bad" role="alert">{refused}</div> : null}
          <button type="submit" className="button button-main" disabled={busy || key.trim() === ""}>{busy ? "One moment" : "Log in"}</button>
        </form>
        <div className="stack-s small quiet fold">
          <p>No key at hand? On the server's machine, this prints a link that logs you in once:</p>
          <Command label="the command">countersign login</Command>
          <p>Invited to a passkey? <Link to="/passkey">Enrol it here</Link>.</p>
        </div>
      </div>
    </main>
  );
}
