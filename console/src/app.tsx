/** The shell: who is logged in, the way around, and the page at the address. */

import { type ReactNode, useCallback, useEffect, useRef, useState } from "react";

import { type ApprovalLine, type LoggedIn, keepProof, onLoggedOut, remove, whoIsLoggedIn } from "./api/client.ts";
import { now, setServerTime } from "./api/clock.ts";
import { follow, unfollow } from "./api/events.ts";
import { changesCases, useResource, useStream } from "./api/use.ts";
import { ActionPage, ActionsPage } from "./pages/action.tsx";
import { AgentsPage } from "./pages/agents.tsx";
import { isMine } from "./pages/common.ts";
import { ComparePage } from "./pages/compare.tsx";
import { EnrolPage } from "./pages/enrol.tsx";
import { EscalationPage } from "./pages/escalation.tsx";
import { GlassBanner } from "./pages/glass.tsx";
import { InboxPage } from "./pages/inbox.tsx";
import { LineagePage } from "./pages/lineage.tsx";
import { LivePage } from "./pages/live.tsx";
import { LoginPage } from "./pages/login.tsx";
import { LogPage } from "./pages/log.tsx";
import { ModelPage } from "./pages/model.tsx";
import { ModelsPage } from "./pages/models.tsx";
import { OverviewPage } from "./pages/overview.tsx";
import { PermissionsPage } from "./pages/permissions.tsx";
import { PoliciesPage } from "./pages/policies.tsx";
import { RunPage } from "./pages/run.tsx";
import { RunsPage } from "./pages/runs.tsx";
import { SwitchesPage } from "./pages/switches.tsx";
import { VersionPage } from "./pages/version.tsx";
import { go, parts, useAddress } from "./router.ts";
import { Icon, type IconName, Seal } from "./ui/icons.tsx";
import { Link, PageHead } from "./ui/parts.tsx";
import { many } from "./ui/words.ts";
import { setTheme, type Theme, theme } from "./ui/theme.ts";

interface Room {
  readonly path: string;
  readonly name: string;
  readonly icon: IconName;
  /** On a phone it is reached by way of the last room. */
  readonly wide?: boolean;
}

const ROOMS: readonly Room[] = [
  { path: "overview", name: "Overview", icon: "overview" },
  { path: "inbox", name: "Inbox", icon: "inbox" },
  { path: "live", name: "Live", icon: "live" },
  { path: "switches", name: "Switches", icon: "switches" },
  { path: "log", name: "Log", icon: "log" },
  { path: "agents", name: "Agents", icon: "agents", wide: true },
  { path: "permissions", name: "Permissions", icon: "permissions", wide: true },
  { path: "escalation", name: "Escalation", icon: "escalation", wide: true },
  { path: "policies", name: "Policies", icon: "policies", wide: true },
  { path: "models", name: "Models", icon: "models", wide: true },
  { path: "runs", name: "Runs", icon: "runs", wide: true },
  { path: "lineage", name: "Lineage", icon: "lineage", wide: true },
];

function ThemeChoice() {
  const [chosen, setChosen] = useState(theme());
  const choose = (next: Theme) => { setTheme(next); setChosen(next); };
  return (
    <label className="me-row">
      <span className="quiet">Theme</span>
      <select value={chosen} onChange={(event) => choose(event.target.value as Theme)} className="select">
        <option value="system">System</option>
        <option value="light">Light</option>
        <option value="dark">Dark</option>
      </select>
    </label>
  );
}

const STREAM = { connecting: "connecting", live: "live", lost: "connection lost" } as const;

export function StreamState() {
  const state = useStream();
  return <span className={`stream stream-${state}`} role="status"><i />{STREAM[state]}</span>;
}

function Me({ who, onLogout }: { who: LoggedIn; onLogout: () => void }) {
  return (
    <div className="me">
      <div className="me-row">
        <span><strong>{who.person}</strong>{who.auditor ? <span className="quiet"> · auditor</span> : null}</span>
        <button type="button" className="button button-small button-bare" onClick={onLogout}>Log out</button>
      </div>
      <ThemeChoice />
      <div className="me-row"><span className="quiet">{who.tenant}</span><StreamState /></div>
    </div>
  );
}

function Navigation({ room, waiting }: { room: string; waiting: number }) {
  return (
    <nav className="nav" aria-label="Rooms">
      {ROOMS.map(({ path, name, icon, wide }) => (
        <Link key={path} to={`/${path}`} current={room === path} className={wide ? "wide" : ""}>
          <Icon name={icon} />
          {name}
          {path === "inbox" && waiting > 0 ? <span className="count">{waiting}<span className="hidden-label"> waiting for you</span></span> : null}
        </Link>
      ))}
      <span className="narrow"><Link to="/account" current={room === "account"}><Icon name="more" />More</Link></span>
    </nav>
  );
}

/** On a phone: the rooms that have no place below, and who is logged in. */
function AccountPage({ children }: { children: ReactNode }) {
  return (
    <div className="page account">
      <PageHead title="More" />
      <ul className="list card">
        {ROOMS.filter((room) => room.wide).map(({ path, name, icon }) => <li key={path}><Link to={`/${path}`} className="more-row"><Icon name={icon} />{name}</Link></li>)}
      </ul>
      <div className="card">{children}</div>
    </div>
  );
}

function models(name: string | undefined, [what, version]: readonly string[]): ReactNode {
  if (name === undefined) return <ModelsPage />;
  if (what === "compare") return <ComparePage model={name} />;
  return what === "versions" && version !== undefined ? <VersionPage model={name} version={version} /> : <ModelPage name={name} />;
}

function page(address: string, who: LoggedIn, cases: readonly ApprovalLine[] | undefined, me: ReactNode): ReactNode {
  const [room = "", id, ...beneath] = parts(address);
  switch (room) {
    case "inbox": return <InboxPage cases={cases} who={who} open={id} />;
    case "actions": return id ? <ActionPage id={id} /> : <ActionsPage />;
    case "live": return <LivePage />;
    case "switches": return <SwitchesPage who={who} />;
    case "log": return <LogPage />;
    case "agents": return <AgentsPage />;
    case "permissions": return <PermissionsPage who={who} />;
    case "escalation": return <EscalationPage />;
    case "policies": return <PoliciesPage />;
    case "models": return models(id, beneath);
    case "lineage": return <LineagePage />;
    case "runs": return id ? <RunPage id={id} /> : <RunsPage />;
    case "overview": return <OverviewPage cases={cases} />;
    case "account": return <AccountPage>{me}</AccountPage>;
    default: return <div className="page"><PageHead title="Nothing here">The address may be mistyped.</PageHead></div>;
  }
}

function titleOf(address: string): string {
  const [room = ""] = parts(address);
  return ROOMS.find(({ path }) => path === room)?.name ?? (room === "actions" ? "Action" : "Console");
}

function Shell({ who, onLogout }: { who: LoggedIn; onLogout: () => void }) {
  const address = useAddress();
  const [room = ""] = parts(address);
  const open = useResource<{ approvals: ApprovalLine[] }>("/v1/approvals?state=open", changesCases);
  const cases = open.data?.approvals;
  const waiting = cases?.filter((line) => isMine(line, now())).length ?? 0;

  useEffect(() => { follow(); return unfollow; }, []);
  useEffect(() => { if (room === "") go("/inbox", true); }, [room]);
  useEffect(() => {
    document.title = `${waiting > 0 ? `(${waiting}) ` : ""}${titleOf(address)} · Countersign`;
  }, [waiting, address]);

  const arrived = useRef(room);
  // Whoever listens to the page hears the new room instead of the old link.
  useEffect(() => {
    if (arrived.current !== room) document.querySelector<HTMLElement>("main")?.focus({ preventScroll: true });
    arrived.current = room;
  }, [room]);

  const me = <Me who={who} onLogout={onLogout} />;
  return (
    <div className="shell">
      <a className="skip" href="#main">To the content</a>
      <div className="hidden-label" role="status">{waiting > 0 ? `${many(waiting, "case")} waiting for you` : ""}</div>
      <div className="side">
        <div className="brand"><Seal />Countersign</div>
        <Navigation room={room} waiting={waiting} />
        {me}
      </div>
      <main id="main" tabIndex={-1}><GlassBanner who={who} />{page(address, who, cases, me)}</main>
    </div>
  );
}

export function App() {
  const [room] = parts(useAddress());
  const [who, setWho] = useState<LoggedIn | null>();
  const leave = useCallback(() => { keepProof(""); unfollow(); setWho(null); }, []);
  const enter = useCallback((who: LoggedIn) => { setServerTime(who.now); setWho(who); }, []);
  useEffect(() => {
    onLoggedOut(leave);
    whoIsLoggedIn().then((who) => (who ? enter(who) : setWho(null)), () => setWho(null));
  }, [leave, enter]);
  if (room === "passkey") return <EnrolPage />;
  if (who === undefined) return null;
  if (who === null || location.hash.startsWith("#login=")) return <LoginPage onLogin={enter} />;
  const logOut = () => { remove("/v1/login").catch(() => {}).finally(leave); };
  return <Shell who={who} onLogout={logOut} />;
}
