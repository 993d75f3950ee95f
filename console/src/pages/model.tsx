/** One registered model: where each alias points and who decided so, its versions, and who moved what. */

import { useState } from "react";

import { get, type Schema } from "../api/client.ts";
import { loggedModel, model as readModel, type Model, type Version, versions as readVersions } from "../api/mlflow.ts";
import { useLoaded, useResource } from "../api/use.ts";
import { Raw } from "../render/Text.tsx";
import { unescape } from "../render/text.ts";
import { Ago, Digest, Link, Pill, ProblemNote } from "../ui/parts.tsx";
import { many } from "../ui/words.ts";
import { Deployments, useDeployments } from "./deployments.tsx";
import { By, type Move, Moves } from "./moves.tsx";
import { versionAddress } from "./version.tsx";
import { Aliases, Waiting } from "./models.tsx";
import { concernsModels, modelAddress } from "./promotion.ts";

/** Is how many versions are listed at once. */
const SHOWN = 30;

/** Is how many moves are read at once, and how often. */
const [MOVES_MAX, PAGES_MAX] = [1_000, 20];

/** Says of each alias what it names, who moved it there and by which decision. */
function Named({ model, moves }: { model: Model; moves: readonly Move[] }) {
  const aliases = model.aliases ?? [];
  return (
    <section className="card">
      <h2>What its aliases name</h2>
      {aliases.length === 0 ? <p className="quiet">No alias names a version.</p> : (
        <div className="scroll tall" tabIndex={0} role="region" aria-label="What its aliases name">
          <table className="table">
            <thead><tr>{["Alias", "Version", "By whom", "Approval"].map((name) => <th key={name} scope="col">{name}</th>)}</tr></thead>
            <tbody>
              {aliases.map(({ alias, version }) => {
                const last = moves.findLast((move) => move.kind === "alias-moved" && unescape(move.alias ?? "") === alias);
                return (
                  <tr key={alias}>
                    <th scope="row"><Raw>{alias}</Raw></th>
                    <td><Link to={versionAddress(model.name, version)} className="inline">version {version}</Link></td>
                    <td className="small">{last ? <><By move={last} />, <Ago at={last.at} /></> : "–"}</td>
                    <td>{last?.action ? <Link to={`/actions/${last.action}`} className="inline">decided</Link> : <span className="gap-told">names no decision</span>}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

/** Holds where it is to run against where it does. */
function Where({ name }: { name: string }) {
  const read = useDeployments(name);
  const all = read.data?.deployments ?? [];
  return (
    <section className="card">
      <h2>Where it runs</h2>
      {read.problem ? <ProblemNote problem={read.problem} /> : null}
      {read.data && all.length === 0 ? <p className="quiet">Nobody decided that a version of it is to run anywhere, and no host says that one does.</p> : null}
      {all.length > 0 ? <Deployments all={all} /> : null}
    </section>
  );
}

/** Says whether the files of a version can change. */
export function Sealed({ version }: { version: Version }) {
  const logged = loggedModel(version);
  const read = useResource<Schema<"ModelSeals">>(logged ? `/v1/seals?model=${encodeURIComponent(logged)}` : undefined, (event) => event.kind === "model");
  if (!logged) return <span className="quiet small">no logged model</span>;
  const seal = read.data?.seals[0];
  if (!read.data) return null;
  return seal ? <span className="row"><Pill tone="good">sealed</Pill><Digest of={seal.digest} label="digest of its files" /></span> : <Pill tone="ask">can change</Pill>;
}

function VersionRow({ version, aliases }: { version: Version; aliases: readonly string[] }) {
  return (
    <tr>
      <th scope="row"><Link to={versionAddress(version.name, version.version)} className="inline num">{version.version}</Link></th>
      <td>{aliases.length > 0 ? aliases.map((alias) => <span key={alias} className="chip"><Raw>{alias}</Raw></span>) : <span className="quiet">–</span>}</td>
      <td className="small">{version.current_stage === "None" ? <span className="quiet">–</span> : <Raw>{version.current_stage}</Raw>}</td>
      <td><Sealed version={version} /></td>
      <td className="small">{version.run_id ? <Link to={`/runs/${encodeURIComponent(version.run_id)}`} className="inline">its run</Link> : <span className="quiet">–</span>}</td>
      <td className="small"><Ago at={version.creation_timestamp} /></td>
    </tr>
  );
}

function Versions({ all, model }: { all: readonly Version[]; model: Model }) {
  const [shown, setShown] = useState(SHOWN);
  const names = (version: string) => (model.aliases ?? []).filter((one) => one.version === version).map((one) => one.alias);
  return (
    <section className="card stack-s">
      <div className="row-apart"><h2>{many(all.length, "version")}</h2>{all.length > 1 ? <Link to={`${modelAddress(model.name)}/compare`} className="button button-small">Compare two</Link> : null}</div>
      <div className="scroll tall" tabIndex={0} role="region" aria-label="Versions">
        <table className="table">
          <thead><tr>{["Version", "Aliases", "Stage", "Files", "Run", "Registered"].map((name) => <th key={name} scope="col">{name}</th>)}</tr></thead>
          <tbody>{all.slice(0, shown).map((version) => <VersionRow key={version.version} version={version} aliases={names(version.version)} />)}</tbody>
        </table>
      </div>
      {all.length > shown ? <div><button type="button" className="button" onClick={() => setShown(shown + SHOWN)}>Show more</button></div> : null}
    </section>
  );
}

/** Reads who moved what, the oldest first; `next` says whether that was not all. */
async function readMoves(name: string): Promise<Schema<"ModelHistory">> {
  const moves: Move[] = [];
  let next: number | null | undefined = 0;
  for (let page = 0; page < PAGES_MAX && next != null; page += 1) {
    const read: Schema<"ModelHistory"> = await get(`/v1/models/${encodeURIComponent(name)}/history?after=${next}&limit=${MOVES_MAX}`);
    moves.push(...read.moves);
    next = read.next;
  }
  return { moves, next: next ?? null };
}

export function ModelPage({ name }: { name: string }) {
  const read = useLoaded(`model ${name}`, () => readModel(name), concernsModels);
  const versions = useLoaded(`versions ${name}`, () => readVersions(name), concernsModels);
  const history = useLoaded(`moves ${name}`, () => readMoves(name), concernsModels);
  const moves = history.data?.moves ?? [];
  const model = read.data;
  return (
    <div className="page">
      <header className="page-head">
        <div className="stack-s">
          <p className="quiet"><Link to="/models">Models</Link></p>
          <h1 tabIndex={-1}><Raw>{name}</Raw></h1>
          {model?.description ? <p className="quiet"><Raw>{model.description}</Raw></p> : null}
        </div>
        {model ? <Aliases of={model.aliases ?? []} /> : null}
      </header>
      {read.problem && !model ? <ProblemNote problem={read.problem} /> : null}
      <Waiting model={name} />
      {model ? <><Where name={name} /><Named model={model} moves={moves} /></> : null}
      {model && versions.data ? <Versions all={versions.data} model={model} /> : null}
      {history.problem && model ? <ProblemNote problem={history.problem} /> : null}
      {moves.length > 0 ? <Moves title="Who moved what" moves={moves} isCut={history.data?.next != null} /> : null}
    </div>
  );
}
