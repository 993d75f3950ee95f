/** Where versions are to run, by what was decided, and where they do, by what their hosts say. */

import type { Schema } from "../api/client.ts";
import { type Loaded, useResource } from "../api/use.ts";
import { Text } from "../render/Text.tsx";
import { Ago, Digest, Pill, type Tone } from "../ui/parts.tsx";
import { subject } from "../ui/words.ts";
import { concernsModels } from "./promotion.ts";

export type Deployment = Schema<"DeploymentView">;

const STATES: Record<string, { readonly word: string; readonly tone: Tone }> = {
  "as-declared": { word: "as decided", tone: "good" },
  "other-version": { word: "another version runs", tone: "bad" },
  "other-files": { word: "other files run", tone: "bad" },
  "undeclared": { word: "runs though nobody decided it", tone: "bad" },
  "nothing-runs": { word: "nothing runs", tone: "ask" },
  "silent": { word: "the host is silent", tone: "ask" },
  "unseen": { word: "no host has spoken", tone: "ask" },
};

export function DeploymentState({ one }: { one: Deployment }) {
  const { word, tone } = STATES[one.state] ?? { word: one.state, tone: "plain" as const };
  return <Pill tone={tone}>{word}{one.proved ? ", proved" : ""}</Pill>;
}

function Seen({ seen }: { seen: Deployment["seen"] }) {
  if (!seen) return <span className="quiet">nothing was said yet</span>;
  return (
    <>
      {seen.version == null ? "nothing runs" : <>version <strong className="num">{seen.version}</strong></>}
      <span className="quiet small block">{subject(seen.by).name}, <Ago at={seen.at} />{seen.digest ? <> · <Digest of={seen.digest} label="digest of the loaded files" /></> : null}</span>
    </>
  );
}

/** Reads the targets of one model, or of all. */
export function useDeployments(model?: string): Loaded<Schema<"Deployments">> {
  return useResource(`/v1/deployments${model === undefined ? "" : `?${new URLSearchParams({ model })}`}`, concernsModels);
}

/** Holds what was decided against what was seen, a row for each target. */
export function Deployments({ all }: { all: readonly Deployment[] }) {
  return (
    <div className="scroll tall" tabIndex={0} role="region" aria-label="Deployments">
      <table className="table">
        <thead><tr>{["Target", "Declared", "Observed", "State"].map((name) => <th key={name} scope="col">{name}</th>)}</tr></thead>
        <tbody>
          {all.map((one) => (
            <tr key={`${one.model} ${one.target}`}>
              <th scope="row"><Text>{one.target}</Text></th>
              <td>{one.declared == null ? <span className="quiet">nothing</span> : <>version <strong className="num">{one.declared}</strong></>}</td>
              <td><Seen seen={one.seen} /></td>
              <td><DeploymentState one={one} /></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
