/** Agents: what each may do alone, how that has gone, and what is usual for it. */

import type { Schema } from "../api/client.ts";
import { Text } from "../render/Text.tsx";
import { Link, PageHead, ProblemNote } from "../ui/parts.tsx";
import { dateTime, many } from "../ui/words.ts";
import { type AuthorityMap, LEVELS, useAuthority } from "./authority.ts";
import { Behaviour } from "./behaviour.tsx";

type AgentClass = Schema<"AgentClass">;

/** Draws a level as so many of three steps. */
export function Ladder({ level }: { level: string }) {
  const steps = Number(level.slice(1));
  return (
    <span className="ladder" role="img" aria-label={`${level}, ${LEVELS[level] ?? ""}`}>
      <b>{level}</b>{[1, 2, 3].map((step) => <i key={step} className={step <= steps ? "on" : ""} />)}
    </span>
  );
}

function Conduct({ standing }: { standing: AgentClass }) {
  if (standing.runs === 0) return <span className="quiet small">no action has ended</span>;
  const good = ((standing.runs - standing.errors) / standing.runs) * 100;
  return (
    <span className="conduct">
      <span className="conduct-bar" role="img" aria-label={`${standing.runs - standing.errors} of ${standing.runs} without an error`}><i style={{ width: `${good}%` }} /></span>
      <span className="small quiet num">{many(standing.runs, "action")}{standing.errors > 0 ? `, ${many(standing.errors, "error")}` : ""}</span>
    </span>
  );
}

function Standing({ standing, map }: { standing: AgentClass; map: AuthorityMap }) {
  const about = map.classes.find((one) => one.class === standing.class);
  const where = standing.environments.length > 0 ? `in ${standing.environments.join(", ")}` : "";
  return (
    <li className="standing">
      <span><strong>{standing.class}</strong>{about ? <span className="quiet small block">{about.description}</span> : null}</span>
      <Ladder level={standing.level} />
      <span className="small quiet">{LEVELS[standing.level]} {where}{standing.expires_at ? <span className="block">until {dateTime(standing.expires_at)}</span> : null}</span>
      <Conduct standing={standing} />
    </li>
  );
}

/** Says what an agent named last that it runs: a level that was given to another epoch of it is L1 at most. */
function Epoch({ epoch }: { epoch: Schema<"Epoch"> }) {
  return (
    <p className="small">
      Epoch {epoch.epoch}, by its own word: {epoch.model ? <Text>{epoch.model}</Text> : null}{epoch.model && epoch.prompt ? " with " : ""}{epoch.prompt ? <Text>{epoch.prompt}</Text> : null} <span className="quiet">since {dateTime(epoch.since)}</span>
    </p>
  );
}

export function AgentsPage() {
  const read = useAuthority();
  const map = read.data;
  if (!map) return read.problem ? <ProblemNote problem={read.problem} /> : null;
  return (
    <div className="page">
      <PageHead title="Agents">What each agent may do by itself, in which class of actions, and how that has gone. A level ends by itself; without one an agent only advises.</PageHead>
      {map.agents.map((agent) => (
        <section key={agent.agent} className="card">
          <div className="row-apart">
            <h2 className="mono">{agent.agent}</h2>
            <span className="quiet small">{agent.owner} answers for it{agent.teams.length > 0 ? ` · ${agent.teams.join(", ")}` : ""}{agent.on_behalf_of.length > 0 ? ` · may act for ${agent.on_behalf_of.join(", ")}` : ""}</span>
          </div>
          {agent.epoch ? <Epoch epoch={agent.epoch} /> : null}
          <ul className="standings">{agent.classes.map((standing) => <Standing key={standing.class} standing={standing} map={map} />)}</ul>
          <Behaviour agent={agent.agent} />
        </section>
      ))}
      <p className="quiet small">To stop one at once: <Link to="/switches">Switches</Link>.</p>
    </div>
  );
}
