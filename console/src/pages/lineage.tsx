/** Lineage: what came of what, as a graph that grows where one asks it to, down to columns, and as lists that say the same. */

import { useEffect, useMemo, useState } from "react";

import { Problem } from "../api/client.ts";
import { columnLineage, datasetNode, jobNode, lineage, type Named, names, namespaces } from "../api/lineage.ts";
import { useLoaded } from "../api/use.ts";
import { GraphCanvas } from "../graph/Canvas.tsx";
import { KINDS } from "../graph/draw.ts";
import { beside, type Direction, type Graph, merged, type Node, NOTHING, openEnds, reached, towards } from "../graph/graph.ts";
import { EMPTY, inBreaths, laidOut, type Layout } from "../graph/layout.ts";
import { Raw } from "../render/Text.tsx";
import { label } from "../render/text.ts";
import { ask, query, useAddress } from "../router.ts";
import { Command, Empty, Link, Note, PageHead, Pill, ProblemNote } from "../ui/parts.tsx";
import { many } from "../ui/words.ts";
import { versionAddress } from "./version.tsx";

/** Is how far a graph reaches at first, in jobs. */
const DEPTH = 3;

/** Is as far as a graph can reach. */
const DEPTH_MAX = 1_000;

/** Is how many names a list shows at once. */
const SHOWN = 40;

interface Grown {
  readonly graph: Graph;
  /** Are the nodes that were asked for by themselves, with how far. */
  readonly asked: ReadonlyMap<string, number>;
  readonly isCut: boolean;
  readonly problem: Problem | undefined;
  readonly grow: (id: string, depth: number) => void;
}

const NONE = { graph: NOTHING, asked: new Map<string, number>(), isCut: false, problem: undefined };

/** Reads the graph around a node, and more of it wherever it is asked to grow. */
function useGraph(root: string, ofColumns: boolean): Grown {
  const [kept, setKept] = useState<Omit<Grown, "grow"> & { readonly of?: string }>(NONE);
  const of = `${ofColumns} ${root}`;
  const mine = kept.of === of ? kept : NONE;
  const grow = (id: string, depth: number) => {
    const read = ofColumns ? columnLineage : lineage;
    read(id, depth).then(
      (answer) => setKept((before) => {
        const base = before.of === of ? before : NONE;
        return { of, graph: merged(base.graph, answer), asked: new Map(base.asked).set(id, depth), isCut: base.isCut || answer.truncated, problem: undefined };
      }),
      (error: unknown) => setKept((before) => ({ ...(before.of === of ? before : NONE), of, problem: error instanceof Problem ? error : new Problem("unknown", 0, String(error)) })),
    );
  };
  useEffect(() => grow(root, ofColumns ? DEPTH_MAX : DEPTH), [of]);
  return { ...mine, grow };
}

/** Lays a graph out without holding the page up; until it is done the one before stays. */
function useLayout(graph: Graph): { readonly graph: Graph; readonly layout: Layout } {
  const [done, setDone] = useState<{ graph: Graph; layout: Layout }>({ graph: NOTHING, layout: EMPTY });
  useEffect(() => inBreaths(laidOut(graph), (layout) => setDone({ graph, layout })), [graph]);
  return done;
}

function Names({ title, all, choose }: { title: string; all: readonly Node[]; choose: (id: string) => void }) {
  const [shown, setShown] = useState(SHOWN);
  return (
    <section className="stack-s">
      <h3>{title} <span className="num">{all.length.toLocaleString("en")}</span></h3>
      {all.length === 0 ? <p className="quiet small">Nothing that is shown.</p> : null}
      <ul className="node-names">
        {all.slice(0, shown).map((node) => (
          <li key={node.id}><button type="button" className="node-name" onClick={() => choose(node.id)}><span className="quiet small">{KINDS[node.kind].word}</span> <Raw>{node.name}</Raw>{node.kind === "DATASET_FIELD" ? <> <span className="quiet small">of <Raw>{node.of}</Raw></span></> : null}</button></li>
        ))}
      </ul>
      {all.length > shown ? <div><button type="button" className="button button-small" onClick={() => setShown(shown + 5 * SHOWN)}>Show more</button></div> : null}
    </section>
  );
}

/** Returns the page of the version that a node is: `version:NAME/NUMBER`. */
function versionPage(id: string): string {
  const cut = id.lastIndexOf("/");
  return versionAddress(id.slice("version:".length, cut), id.slice(cut + 1));
}

interface Act {
  readonly choose: (id: string) => void;
  readonly grow: (id: string, depth: number) => void;
}

function Chosen({ graph, node, isOpen, act }: { graph: Graph; node: Node; isOpen: boolean; act: Act }) {
  const { id, kind } = node;
  const counts = useMemo(() => [reached(graph, id, "up").size - 1, reached(graph, id, "down").size - 1] as const, [graph, id]);
  return (
    <section className="card stack" aria-label="The chosen node">
      <div className="row-apart">
        <h2><Raw>{node.name}</Raw></h2>
        <Pill>{KINDS[kind].word}</Pill>
      </div>
      <p className="quiet small">{node.of ? <><Raw>{node.of}</Raw> · </> : null}shown here: {counts[0]} that it came of, {counts[1]} that came of it</p>
      <div className="row">
        {kind === "DATASET" || kind === "JOB" ? <button type="button" className="button" onClick={() => act.grow(id, 1)} disabled={!isOpen}>{isOpen ? "Show what is behind" : "All beside it is shown"}</button> : null}
        {kind === "DATASET" || kind === "JOB" ? <button type="button" className="button" onClick={() => ask({ node: id, columns: "1" }, true)}>Its columns</button> : null}
        {kind === "DATASET_FIELD" || kind === "FEATURE" ? null : <button type="button" className="button button-bare" onClick={() => ask({ node: id, columns: "" }, true)}>Begin from here</button>}
        {kind === "VERSION" ? <Link className="button" to={versionPage(id)}>The version</Link> : null}
        {kind === "RUN" ? <Link className="button" to={`/runs/${id.slice("run:".length).replaceAll("-", "")}`}>The run</Link> : null}
      </div>
      <div className="two">
        <Names key={`up ${id}`} title="It came of" all={beside(graph, id, "up")} choose={act.choose} />
        <Names key={`down ${id}`} title="Came of it" all={beside(graph, id, "down")} choose={act.choose} />
      </div>
    </section>
  );
}

function Directions({ direction }: { direction: Direction }) {
  const all: readonly (readonly [Direction, string])[] = [["both", "Both ways"], ["up", "What it came of"], ["down", "What came of it"]];
  return (
    <div className="segments" role="group" aria-label="Direction">
      {all.map(([name, words]) => <button key={name} type="button" aria-pressed={direction === name} onClick={() => ask({ way: name === "both" ? "" : name })}>{words}</button>)}
    </div>
  );
}

function directionOf(text: string | null): Direction {
  return text === "up" || text === "down" ? text : "both";
}

/** Lists every node, for whoever reads instead of looking. */
function Everything({ graph, choose }: { graph: Graph; choose: (id: string) => void }) {
  const [search, setSearch] = useState("");
  const found = useMemo(() => [...graph.nodes.values()].filter((node) => node.name.toLowerCase().includes(search.toLowerCase())).sort((a, b) => (a.name < b.name ? -1 : 1)), [graph, search]);
  return (
    <section className="card stack-s">
      <label className="field"><span>Find in this graph</span><input className="input" type="search" value={search} onChange={(event) => setSearch(event.target.value)} /></label>
      <Names title="Nodes" all={found} choose={choose} />
    </section>
  );
}

function Drawn({ root, ofColumns }: { root: string; ofColumns: boolean }) {
  const asked = query(useAddress());
  const grown = useGraph(root, ofColumns);
  const direction = directionOf(asked.get("way"));
  const wanted = useMemo(() => towards(grown.graph, grown.graph.nodes.has(root) ? root : "", grown.graph.nodes.has(root) ? direction : "both"), [grown.graph, root, direction]);
  const { graph, layout } = useLayout(wanted);
  const [wished, setWished] = useState<string>();
  const chosen = wished !== undefined && graph.nodes.has(wished) ? wished : graph.nodes.has(root) ? root : undefined;
  const open = useMemo(() => (ofColumns ? new Set<string>() : openEnds(grown.graph, grown.asked)), [grown.graph, grown.asked, ofColumns]);
  const kin = useMemo(() => (chosen === undefined ? undefined : new Set([...reached(graph, chosen, "up"), ...reached(graph, chosen, "down")])), [graph, chosen]);
  const scene = useMemo(() => ({ graph, layout, marks: { chosen, kin, open } }), [graph, layout, chosen, kin, open]);
  const act: Act = { choose: setWished, grow: grown.grow };
  const node = chosen === undefined ? undefined : graph.nodes.get(chosen);
  if (grown.problem && grown.graph.nodes.size === 0) return <ProblemNote problem={grown.problem} />;
  return (
    <>
      <div className="row-apart">
        <Directions direction={direction} />
        <span className="row">
          {ofColumns ? <button type="button" className="button button-small" onClick={() => ask({ columns: "" }, true)}>Back to datasets and jobs</button> : <button type="button" className="button button-small" onClick={() => grown.grow(root, DEPTH_MAX)}>Show all there is</button>}
          <span className="quiet small num" role="status">{many(graph.nodes.size, ofColumns ? "column" : "node")}</span>
        </span>
      </div>
      {grown.problem ? <ProblemNote problem={grown.problem} /> : null}
      {grown.isCut ? <Note tone="ask">There is more than one answer holds; go on from a node at its edge.</Note> : null}
      {ofColumns && grown.asked.size > 0 && graph.nodes.size === 0 ? <Note>Nobody has told of columns here: the facet columnLineage says which came of which.</Note> : null}
      <GraphCanvas scene={scene} does={{ choose: setWished, expand: (id) => { setWished(id); if (open.has(id)) grown.grow(id, 1); } }} />
      {node ? <Chosen graph={graph} node={node} isOpen={open.has(node.id)} act={act} /> : null}
      <Everything graph={graph} choose={setWished} />
    </>
  );
}

function Found({ title, all, node }: { title: string; all: readonly Named[]; node: (named: Named) => string }) {
  const nodes = all.map((named): Node => ({ id: node(named), kind: node === jobNode ? "JOB" : "DATASET", name: named.name, of: named.namespace }));
  return <Names title={title} all={nodes} choose={(id) => ask({ node: id }, true)} />;
}

/** Is where one begins: the names of a namespace. */
function Begin({ all }: { all: readonly string[] }) {
  const [wished, setWished] = useState<string>();
  const [search, setSearch] = useState("");
  const space = wished ?? all[0] ?? "";
  const read = useLoaded(space, () => names(space));
  const passes = (named: Named) => named.name.toLowerCase().includes(search.toLowerCase());
  return (
    <section className="card stack">
      <h2>Begin at a dataset or a job</h2>
      <div className="row">
        <label className="row"><span className="quiet small">Namespace</span>
          <select className="select" value={space} onChange={(event) => setWished(event.target.value)}>{all.map((one) => <option key={one} value={one}>{label(one)}</option>)}</select>
        </label>
        <label className="grow"><span className="hidden-label">Find</span><input className="input" type="search" placeholder="part of a name" value={search} onChange={(event) => setSearch(event.target.value)} /></label>
      </div>
      {read.problem ? <ProblemNote problem={read.problem} /> : null}
      {read.data ? (
        <div className="two">
          <Found key={`d ${space}`} title="Datasets" all={read.data.datasets.filter(passes)} node={datasetNode} />
          <Found key={`j ${space}`} title="Jobs" all={read.data.jobs.filter(passes)} node={jobNode} />
        </div>
      ) : null}
      {read.data && read.data.total > read.data.datasets.length + read.data.jobs.length ? <p className="quiet small">The first thousand of each; open another by its address.</p> : null}
    </section>
  );
}

function NothingTold() {
  return (
    <div className="card">
      <Empty icon="lineage" title="No lineage was told yet">Point a pipeline&apos;s OpenLineage client here, with a key of yours; what it reads and writes appears:</Empty>
      <Command label="the line">{`export OPENLINEAGE__TRANSPORT__TYPE=http OPENLINEAGE__TRANSPORT__URL=${location.origin}`}</Command>
      <p className="quiet small">Datasets that runs log with MLflow&apos;s client (<code>mlflow.set_tracking_uri(&quot;{location.origin}&quot;)</code>) are joined to it by their names.</p>
    </div>
  );
}

export function LineagePage() {
  const asked = query(useAddress());
  const root = asked.get("node") ?? "";
  const ofColumns = asked.get("columns") === "1";
  const spaces = useLoaded(root === "" ? "namespaces" : undefined, namespaces);
  return (
    <div className="page page-wide">
      <PageHead title="Lineage" aside={root === "" ? null : <button type="button" className="button" onClick={() => ask({ node: "", columns: "", way: "" }, true)}>Begin elsewhere</button>}>What came of what, as pipelines told it. It decides nothing by itself.</PageHead>
      {spaces.problem ? <ProblemNote problem={spaces.problem} /> : null}
      {root !== "" ? <Drawn key={`${root} ${ofColumns}`} root={root} ofColumns={ofColumns} /> : null}
      {root === "" && spaces.data ? (spaces.data.length === 0 ? <NothingTold /> : <Begin all={spaces.data} />) : null}
    </div>
  );
}
