/** Pieces that pages are made of. */

import { type MouseEvent, type ReactNode, useEffect, useRef, useState } from "react";

import type { Problem } from "../api/client.ts";
import { useSeconds } from "../api/clock.ts";
import { Raw, Text } from "../render/Text.tsx";
import { go } from "../router.ts";
import { Icon, type IconName } from "./icons.tsx";
import { ago, clockTime, duration, instant } from "./words.ts";

export type Tone = "good" | "watch" | "ask" | "bad" | "plain";

export function Pill({ tone = "plain", children }: { tone?: Tone; children: ReactNode }) {
  return <span className={`pill tone-${tone}`}>{children}</span>;
}

/** Links to another page of the console without loading it anew. */
export function Link({ to, children, className, current, label }: {
  to: string; children: ReactNode; className?: string; current?: boolean; label?: string;
}) {
  const follow = (event: MouseEvent) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    go(to);
  };
  return (
    <a href={to} className={className} onClick={follow} aria-current={current ? "page" : undefined} aria-label={label}>
      {children}
    </a>
  );
}

/** Shows a text that is copied whole when it is pressed, though only a part of it may be shown. */
export function Copy({ text, shown, label }: { text: string; shown?: string; label: string }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(false), 1_500);
    return () => clearTimeout(timer);
  }, [done]);
  const copy = () => void navigator.clipboard?.writeText(text).then(() => setDone(true));
  return (
    <button type="button" className="copy" onClick={copy} aria-label={done ? `${label} copied` : `Copy ${label}: ${shown ?? text}`} title={text}>
      <span>{shown ?? text}</span>
      <Icon name={done ? "done" : "copy"} />
    </button>
  );
}

/** Shows the beginning and the end of a digest or an identity, and copies all of it. */
export function Digest({ of, label }: { of: string; label: string }) {
  const at = of.indexOf("_") + 1;
  const short = of.length > 22 ? `${of.slice(0, at + 8)}…${of.slice(-6)}` : of;
  return <Copy text={of} shown={short} label={label} />;
}

export function Command({ children, label }: { children: string; label: string }) {
  return (
    <div className="command">
      <code>{children}</code>
      <Copy text={children} shown="" label={label} />
    </div>
  );
}

/** Tells an instant as how long it is ago, with the exact one behind it. */
export function Ago({ at }: { at: number }) {
  const seconds = useSeconds();
  return <time dateTime={instant(at)} title={instant(at)} className="num">{ago(at, seconds * 1_000)}</time>;
}

export function Clock({ at }: { at: number }) {
  return <time dateTime={instant(at)} title={instant(at)} className="num">{clockTime(at)}</time>;
}

/** Counts down to the instant at which silence becomes a refusal. */
export function Countdown({ from, to }: { from: number; to: number }) {
  const now = useSeconds() * 1_000;
  const left = Math.max(0, to - now);
  const share = Math.max(0, Math.min(1, left / Math.max(1, to - from)));
  const length = 2 * Math.PI * 15;
  const tone = left === 0 ? "var(--ink-3)" : share < 0.25 ? "var(--bad)" : "var(--accent)";
  return (
    <span className="countdown" role="timer" aria-label={left === 0 ? "time is over" : `${duration(left)} left`}>
      <svg viewBox="0 0 36 36" aria-hidden="true">
        <circle cx="18" cy="18" r="15" fill="none" stroke="var(--line)" strokeWidth="4" />
        <circle cx="18" cy="18" r="15" fill="none" stroke={tone} strokeWidth="4" strokeLinecap="round" strokeDasharray={length} strokeDashoffset={length * (1 - share)} transform="rotate(-90 18 18)" />
      </svg>
      <span className="num">{left === 0 ? "over" : duration(left)}</span>
    </span>
  );
}

export function Empty({ icon, title, children }: { icon: IconName; title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <Icon name={icon} />
      <strong>{title}</strong>
      {children ? <p>{children}</p> : null}
    </div>
  );
}

export function Note({ tone = "plain", children }: { tone?: Tone; children: ReactNode }) {
  return <div className={`note tone-${tone}`}>{children}</div>;
}

/** Tells why something was refused, in the server's words. */
export function ProblemNote({ problem }: { problem: Problem }) {
  return (
    <div className="note tone-bad" role="alert">
      {problem.raw ? <Raw>{problem.message}</Raw> : <Text>{problem.message}</Text>} <code className="quiet small">{problem.code}</code>
    </div>
  );
}

/** Opens over the page, keeps the focus inside, and closes with Escape. */
export function Dialog({ title, onClose, children }: { title: string; onClose: () => void; children: ReactNode }) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog ref={ref} aria-labelledby="dialog-title" onCancel={(event) => { event.preventDefault(); onClose(); }}>
      <div className="stack">
        <h2 id="dialog-title">{title}</h2>
        {children}
      </div>
    </dialog>
  );
}

export function PageHead({ title, children, aside }: { title: string; children?: ReactNode; aside?: ReactNode }) {
  return (
    <header className="page-head">
      <div>
        <h1 tabIndex={-1}>{title}</h1>
        {children ? <p>{children}</p> : null}
      </div>
      {aside}
    </header>
  );
}
