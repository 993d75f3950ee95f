/** Login: with a passkey, with a key, or with a link that logs in once. */

import { type FormEvent, useEffect, useRef, useState } from "react";

import { leaveForProvider, type LoggedIn, logIn, Problem, provider } from "../api/client.ts";
import { logInWithPasskey, refusal, whyNone } from "../api/passkey.ts";
import { Text } from "../render/Text.tsx";
import { Seal } from "../ui/icons.tsx";
import { Command, Link } from "../ui/parts.tsx";

const LINK = "#login=";
const REFUSED = "#refused=";

/** Takes the code of a link out of the address, where nobody who looks over a shoulder finds it later. */
function takeLink(): string | undefined {
  if (!location.hash.startsWith(LINK)) return undefined;
  const code = location.hash.slice(LINK.length);
  history.replaceState(null, "", location.pathname + location.search);
  return code;
}

/** Takes the code out of the address with which a login at the provider came back, and says it in words. */
function takeRefusal(): string | undefined {
  if (!location.hash.startsWith(REFUSED)) return undefined;
  const code = location.hash.slice(REFUSED.length);
  history.replaceState(null, "", location.pathname + location.search);
  if (code === "identity-unmapped") return "You are known there, and nobody here: ask whoever runs this server to name you.";
  if (code === "provider-refused") return "The login was refused there, or put aside.";
  if (code === "login-unasked") return "That took too long, or was finished before. Try again.";
  // Whoever made the address chose what stands in it.
  return /^[a-z-]{1,40}$/u.test(code) ? `The login was refused: ${code}.` : "The login was refused.";
}

function words(problem: unknown): string {
  if (!(problem instanceof Problem)) return refusal(problem) ?? "That did not work.";
  if (problem.code === "login-refused") return "This passkey does not log in here: it was not enrolled here, or it was revoked.";
  if (problem.code === "login-unasked") return "That took too long. Try again.";
  if (problem.code === "unauthenticated") return "This server has issued no such key, or the link was used before or is too old.";
  return problem.message;
}

export function LoginPage({ onLogin }: { onLogin: (who: LoggedIn) => void }) {
  const [key, setKey] = useState("");
  const [busy, setBusy] = useState(() => location.hash.startsWith(LINK));
  const [refused, setRefused] = useState(takeRefusal);
  const [elsewhere, setElsewhere] = useState<string>();
  const taken = useRef(false);

  const none = whyNone();

  const enter = async (entering: () => Promise<LoggedIn>) => {
    setBusy(true);
    setRefused(undefined);
    try {
      onLogin(await entering());
    } catch (problem) {
      setRefused(words(problem));
      setBusy(false);
    }
  };

  useEffect(() => {
    if (taken.current) return;
    taken.current = true;
    const link = takeLink();
    if (link) void enter(() => logIn({ link }));
  });

  useEffect(() => { provider().then(setElsewhere, () => {}); }, []);

  const leave = () => {
    setBusy(true);
    setRefused(undefined);
    leaveForProvider().catch((problem: unknown) => { setRefused(words(problem)); setBusy(false); });
  };

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (key.trim()) void enter(() => logIn({ key: key.trim() }));
  };

  return (
    <main className="login">
      <div className="login-box stack appear">
        <div className="login-head"><Seal /><h1>Countersign</h1></div>
        <p className="quiet">What agents want to do, decided by people who can see exactly what it is.</p>
        {none ? null : <button type="button" className="button button-main" disabled={busy} onClick={() => void enter(logInWithPasskey)}>Log in with a passkey</button>}
        {elsewhere ? <button type="button" className="button button-main" disabled={busy} onClick={leave}>Log in with <Text>{elsewhere}</Text></button> : null}
        <form className="stack" onSubmit={submit}>
          <label className="field">
            <span>Your key</span>
            <input className="input mono" type="password" name="key" autoComplete="current-password" spellCheck={false} value={key} onChange={(event) => setKey(event.target.value)} autoFocus />
          </label>
          {refused ? <div className="note tone-bad" role="alert">{refused}</div> : null}
          <button type="submit" className={none ? "button button-main" : "button"} disabled={busy || key.trim() === ""}>{busy ? "One moment" : "Log in"}</button>
        </form>
        <div className="stack-s small quiet fold">
          <p>No key at hand? On the server's machine, this prints a link that logs you in once:</p>
          <Command label="the command">countersign login</Command>
          <p>Invited to a passkey? <Link to="/passkey">Enrol it here</Link>.</p>
          {none ? <p>With a passkey? {none}</p> : null}
        </div>
      </div>
    </main>
  );
}
