/** Escalation: who is asked, who if they stay silent, and for what. */

import { Fragment } from "react";

import type { Schema } from "../api/client.ts";
import { Note, PageHead, Pill, ProblemNote } from "../ui/parts.tsx";
import { asked, duration } from "../ui/words.ts";
import { type AuthorityMap, useAuthority } from "./authority.ts";

type Profile = Schema<"ProfileAuthority">;

/** Follows a profile to the end of its path, which never comes back to itself. */
function path(map: AuthorityMap, first: Profile): Profile[] {
  const found: Profile[] = [];
  for (let next: Profile | undefined = first; next && !found.includes(next); ) {
    found.push(next);
    const name: string | null | undefined = next.otherwise;
    next = map.profiles.find((one) => one.profile === name);
  }
  return found;
}

function Node({ profile }: { profile: Profile }) {
  const enough = profile.on_call != null || profile.people.length >= profile.approvals;
  return (
    <div className="node">
      <div className="row-apart"><strong className="mono">{profile.profile}</strong><span className="quiet small num">{duration(profile.timeout_ms)}</span></div>
      <p className="small">{profile.approvals} of <strong>{asked(profile.group, profile.on_call)}</strong> must approve{profile.signed ? ", signed with a passkey" : ""}</p>
      <div className="row">{profile.people.map((name) => <span key={name} className="chip">{name}</span>)}</div>
      {profile.on_call && profile.people.length === 0 ? <p className="small quiet">Nobody whom it asks is on call now.</p> : null}
      {enough ? null : <p className="small bad">The group has too few people, so nobody can approve.</p>}
    </div>
  );
}

function Graph({ map, first }: { map: AuthorityMap; first: Profile }) {
  return (
    <div className="graph" role="group" aria-label={`Path of ${first.profile}`}>
      {path(map, first).map((profile) => (
        <Fragment key={profile.profile}>
          <Node profile={profile} />
          <span className="arrow"><span>silence</span></span>
        </Fragment>
      ))}
      <div className="node node-end"><strong>Refused</strong><p className="small">Silence never grants.</p></div>
    </div>
  );
}

export function EscalationPage() {
  const read = useAuthority();
  const map = read.data;
  if (!map) return read.problem ? <ProblemNote problem={read.problem} /> : null;
  const later = new Set(map.profiles.map((profile) => profile.otherwise).filter((name) => name != null));
  const firsts = map.profiles.filter((profile) => !later.has(profile.profile));
  return (
    <div className="page">
      <PageHead title="Escalation">Who is asked, how long they have, and who is asked if they stay silent. Every path ends in a refusal.</PageHead>
      {map.solo ? <Note tone="ask">An owner may approve alone what their own agent asks, after a second confirmation; each such vote says so.</Note> : null}
      <section className="card">
        <h2>Paths</h2>
        <div className="stack">{firsts.map((profile) => <Graph key={profile.profile} map={map} first={profile} />)}</div>
      </section>
      <section className="card">
        <h2>Classes of actions</h2>
        <p className="quiet">The profile that decides where an agent's level demands people; without one the level denies. Policies can name others, and risk and limits can only ask for more.</p>
        <div className="scroll tall" tabIndex={0} role="region" aria-label="Classes of actions">
          <table className="table">
            <thead><tr><th scope="col">Class</th><th scope="col">Does</th><th scope="col">Who decides</th><th scope="col">Tools</th></tr></thead>
            <tbody>
              {map.classes.map((one) => (
                <tr key={one.class}>
                  <th scope="row">{one.class}<span className="quiet small block regular">{one.description}</span></th>
                  <td>{one.writes ? <Pill tone="ask">writes</Pill> : <Pill>reads</Pill>}</td>
                  <td>{one.profile ?? <span className="quiet">no profile</span>}</td>
                  <td className="mono small">{one.tools.map((tool) => <span key={tool} className="block">{tool}</span>)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </section>
      <section className="card">
        <h2>People</h2>
        <ul className="list">
          {map.people.map((one) => (
            <li key={one.person} className="list-row">
              <strong>{one.person}</strong>
              <span className="quiet small">{one.groups.join(", ") || "in no group"}{map.authors.includes(one.person) ? " · wrote the policy, so approves nothing that it escalates" : ""}</span>
              {one.auditor ? <Pill tone="watch">auditor</Pill> : <span />}
            </li>
          ))}
        </ul>
      </section>
    </div>
  );
}
