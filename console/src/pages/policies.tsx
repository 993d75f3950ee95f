/** Policies: which bundle is in force, since when, and what of it was reviewed. */

import { useState } from "react";

import type { Schema } from "../api/client.ts";
import { useResource } from "../api/use.ts";
import { Text } from "../render/Text.tsx";
import { unescape } from "../render/text.ts";
import { Ago, Command, Digest, PageHead, Pill, ProblemNote } from "../ui/parts.tsx";
import { many, subject, VERDICTS } from "../ui/words.ts";
import { Difference } from "./difference.tsx";

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

/** Shows how the bundle's own tests came out, and its texts. */
function Tests({ digest }: { digest: string }) {
  const read = useResource<Schema<"KeptBundle">>(`/v1/bundles/${digest}`);
  if (!read.data) return read.problem ? <ProblemNote problem={read.problem} /> : null;
  const { tests, files } = read.data;
  const failed = tests.filter((one) => !one.passed);
  return (
    <section className="card">
      <div className="row-apart">
        <h2>Tests</h2>
        <Pill tone={failed.length > 0 ? "bad" : "good"}>{failed.length > 0 ? `${failed.length} of ${tests.length} failed` : `${many(tests.length, "test")} passed`}</Pill>
      </div>
      <p className="quiet">The bundle's own tests, run again now.</p>
      <details>
        <summary>{many(tests.length, "test")}</summary>
        <ul className="list">
          {tests.map((one) => (
            <li key={one.name} className="list-row">
              <span><Text>{one.name}</Text></span>
              <span className="small quiet">{VERDICTS[one.verdict].word}</span>
              <Pill tone={one.passed ? "good" : "bad"}>{one.passed ? "as expected" : "otherwise"}</Pill>
            </li>
          ))}
        </ul>
      </details>
      <details>
        <summary>{many(Object.keys(files).length, "file")}</summary>
        {Object.entries(files).map(([path, text]) => (
          <details key={path} className="nested">
            <summary className="mono small"><Text>{path}</Text></summary>
            <pre className="well" tabIndex={0} role="region" aria-label={path}><Text>{text}</Text></pre>
          </details>
        ))}
      </details>
    </section>
  );
}

function History() {
  const read = useResource<Schema<"BundleHistory">>("/v1/bundles", (event) => event.kind === "bundle");
  const [open, setOpen] = useState<number>();
  const activations = read.data?.activations ?? [];
  return (
    <section className="card">
      <h2>History</h2>
      {read.problem ? <ProblemNote problem={read.problem} /> : null}
      {read.data && activations.length === 0 ? <p className="quiet">This log holds no activation; what is in force came from the log before.</p> : null}
      <ul className="list">
        {activations.map((one, at) => {
          const before = activations[at + 1];
          return (
            <li key={one.record} className="stack-s">
              <div className="list-row">
                <span>{one.by ? subject(one.by).name : "somebody"} <span className="quiet">put</span> <Digest of={one.bundle} label="digest of the bundle" /> <span className="quiet">in force</span>{one.reason ? <span className="small quiet block"><Text>{unescape(one.reason)}</Text></span> : null}</span>
                <span className="small quiet">record {one.record} · <Ago at={one.at} /></span>
                {before ? <button type="button" className="button button-small" aria-expanded={open === one.record} onClick={() => setOpen(open === one.record ? undefined : one.record)}>What changed</button> : <span className="small quiet">the first</span>}
              </div>
              {before && open === one.record ? <Difference from={before.bundle} to={one.bundle} /> : null}
            </li>
          );
        })}
      </ul>
    </section>
  );
}

export function PoliciesPage() {
  const active = useResource<Schema<"ActiveBundle">>("/v1/bundles/active", (event) => event.kind === "bundle");
  const tools = useResource<Schema<"Tools">>("/v1/tools", (event) => event.kind === "tool" || event.kind === "bundle");
  if (!active.data) return active.problem ? <ProblemNote problem={active.problem} /> : null;
  const { name, digest } = active.data;
  const listed = tools.data?.tools ?? [];
  const quarantined = listed.filter((tool) => tool.quarantined);
  return (
    <div className="page">
      <PageHead title="Policies">What is in force. Whatever it does not permit is denied.</PageHead>
      <section className="card stack">
        <div className="row-apart"><h2>{name}</h2><Digest of={digest} label="digest of the bundle" /></div>
        <p className="quiet">A change is checked, tested and activated by decision; a bundle whose own tests fail stays out:</p>
        <Command label="the command">countersign policy test &amp;&amp; countersign policy diff &amp;&amp; countersign policy activate --reason "…"</Command>
      </section>
      <Tests digest={digest} />
      <History />
      <section className="card">
        <div className="row-apart"><h2>Tools</h2><span className="quiet small">{many(listed.length, "tool")}{quarantined.length > 0 ? `, ${quarantined.length} quarantined` : ""}</span></div>
        <p className="quiet">A tool whose definition is not the one that was reviewed is denied until somebody has read the new one.</p>
        <ul className="list">{[...listed].sort((a, b) => Number(b.quarantined) - Number(a.quarantined)).map((tool) => <ToolRow key={tool.tool} tool={tool} />)}</ul>
      </section>
    </div>
  );
}
