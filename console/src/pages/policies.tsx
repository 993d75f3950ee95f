/** Policies: which bundle is in force, since when, and what of it was reviewed. */

import type { Schema } from "../api/client.ts";
import { useResource } from "../api/use.ts";
import { Text } from "../render/Text.tsx";
import { Ago, Command, Digest, PageHead, Pill, ProblemNote } from "../ui/parts.tsx";
import { many, subject } from "../ui/words.ts";
import { useRecent } from "./common.ts";

type Tool = Schema<"CataloguedTool">;

function toolState(tool: Tool): { readonly word: string; readonly tone: "good" | "bad" | "plain" } {
  if (tool.quarantined) return { word: "quarantined", tone: "bad" };
  if (!tool.reviewed) return { word: "not pinned", tone: "plain" };
  return { word: tool.listed ? "as reviewed" : "not listed yet", tone: tool.listed ? "good" : "plain" };
}

function ToolRow({ tool }: { tool: Tool }) {
  const { word, tone } = toolState(tool);
  return (
    <li className="list-row">
      <span className="mono ellipsis">{tool.tool}</span>
      <span className="small quiet">{tool.reviewed ? <>reviewed <Digest of={tool.reviewed} label="digest of the reviewed definition" /></> : "nobody has reviewed it"}{tool.quarantined && tool.listed ? <> · listed <Digest of={tool.listed} label="digest of the listed definition" /></> : null}</span>
      <Pill tone={tone}>{word}</Pill>
    </li>
  );
}

export function PoliciesPage() {
  const active = useResource<Schema<"ActiveBundle">>("/v1/bundles/active", (event) => event.kind === "bundle");
  const tools = useResource<Schema<"Tools">>("/v1/tools", (event) => event.kind === "tool" || event.kind === "bundle");
  const history = useRecent((event) => event.kind === "bundle", 20);
  if (!active.data) return active.problem ? <ProblemNote problem={active.problem} /> : null;
  const { name, digest, files } = active.data;
  const listed = tools.data?.tools ?? [];
  const quarantined = listed.filter((tool) => tool.quarantined);
  return (
    <div className="page">
      <PageHead title="Policies">What is in force. Whatever it does not permit is denied.</PageHead>
      <section className="card stack">
        <div className="row-apart"><h2>{name}</h2><Digest of={digest} label="digest of the bundle" /></div>
        <details>
          <summary>{many(files.length, "file")}</summary>
          <ul className="columns mono small">{files.map((file) => <li key={file}>{file}</li>)}</ul>
        </details>
        <p className="quiet">A change is checked, tested and activated by decision; a bundle whose own tests fail stays out:</p>
        <Command label="the command">countersign policy check &amp;&amp; countersign policy test &amp;&amp; countersign policy activate --reason "…"</Command>
      </section>
      <section className="card">
        <h2>History</h2>
        {history.length === 0 ? <p className="quiet">None of the last thousand records changed it.</p> : (
          <ul className="list">
            {history.map((event) => (
              <li key={event.index} className="list-row"><span>{event.who ? subject(event.who).name : "somebody"} <span className="quiet">activated a bundle</span></span><span className="small quiet">{event.why ? <Text>{event.why}</Text> : null}</span><span className="small quiet">record {event.index} · <Ago at={event.at} /></span></li>
            ))}
          </ul>
        )}
      </section>
      <section className="card">
        <div className="row-apart"><h2>Tools</h2><span className="quiet small">{many(listed.length, "tool")}{quarantined.length > 0 ? `, ${quarantined.length} quarantined` : ""}</span></div>
        <p className="quiet">A tool whose definition is not the one that was reviewed is denied until somebody has read the new one.</p>
        <ul className="list">{[...listed].sort((a, b) => Number(b.quarantined) - Number(a.quarantined)).map((tool) => <ToolRow key={tool.tool} tool={tool} />)}</ul>
      </section>
    </div>
  );
}
