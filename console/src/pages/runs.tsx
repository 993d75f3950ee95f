/** Runs: what was tracked of training, as a table that MLflow's grammar filters and orders, and as curves and strands. */

import { type FormEvent, useEffect, useMemo, useState } from "react";

import { Problem } from "../api/client.ts";
import { type Experiment, experiments, ordered, type Run, runs, type RunWish } from "../api/mlflow.ts";
import { useLoaded } from "../api/use.ts";
import { LINES, Swatch } from "../charts/Curve.tsx";
import { type Column, columns, value } from "../charts/parallel.ts";
import { Parallel } from "../charts/Parallel.tsx";
import { short } from "../charts/curve.ts";
import { Raw } from "../render/Text.tsx";
import { label } from "../render/text.ts";
import { ask, query, useAddress } from "../router.ts";
import { Ago, Command, Empty, Link, PageHead, Pill, ProblemNote, type Tone } from "../ui/parts.tsx";
import { many, took } from "../ui/words.ts";
import { Curves } from "./curves.tsx";

const COLUMNS = 3;

/** Is how many runs are drawn before anybody has chosen some. */
const CHOSEN_FIRST = 4;

export const STATUSES: Record<string, { readonly word: string; readonly tone: Tone }> = {
  RUNNING: { word: "running", tone: "watch" },
  SCHEDULED: { word: "scheduled", tone: "plain" },
  FINISHED: { word: "finished", tone: "good" },
  FAILED: { word: "failed", tone: "bad" },
  KILLED: { word: "killed", tone: "ask" },
};

/** Says what to run where nothing is tracked yet. */
export function NothingTracked({ title }: { title: string }) {
  return (
    <div className="card">
      <Empty icon="runs" title={title}>Train with MLflow&apos;s client as you do, with one line more, and a key of yours as MLFLOW_TRACKING_TOKEN:</Empty>
      <Command label="the line">{`mlflow.set_tracking_uri("${location.origin}")`}</Command>
    </div>
  );
}

interface Found {
  readonly items: readonly Run[];
  readonly next: string | undefined;
  readonly more: () => void;
  readonly problem: Problem | undefined;
  readonly again: () => void;
}

/** Finds runs, a page at a time. */
function useRuns(wish: RunWish | undefined): Found | undefined {
  const name = wish && JSON.stringify(wish);
  const first = useLoaded(name, () => runs(wish ?? { experiment: "", filter: "", order: "" }));
  const [further, setFurther] = useState<{ of?: unknown; items: readonly Run[]; next?: string | undefined; problem?: Problem }>({ items: [] });
  const mine = further.of === first.data ? further : { items: [] };
  if (!first.data) return first.problem ? { items: [], next: undefined, more: () => {}, problem: first.problem, again: first.again } : undefined;
  const next = "next" in mine ? mine.next : first.data.next;
  const more = () => {
    const of = first.data;
    if (!wish || next === undefined) return;
    runs(wish, next).then(
      (page) => setFurther({ of, items: [...mine.items, ...page.items], next: page.next }),
      (error: unknown) => setFurther({ ...mine, of, next, problem: error instanceof Problem ? error : new Problem("unknown", 0, String(error)) }),
    );
  };
  return { items: [...first.data.items, ...mine.items], next, more, problem: first.problem ?? mine.problem, again: first.again };
}

function Filter({ filter }: { filter: string }) {
  const [text, setText] = useState(filter);
  useEffect(() => setText(filter), [filter]);
  const find = (event: FormEvent) => { event.preventDefault(); ask({ filter: text.trim(), runs: "" }); };
  return (
    <form className="row grow" onSubmit={find}>
      <label className="grow"><span className="hidden-label">Filter, in MLflow&apos;s grammar</span><input className="input mono" value={text} onChange={(event) => setText(event.target.value)} spellCheck={false} placeholder={`metrics.accuracy > 0.9 and params.depth = "6"`} /></label>
      <button type="submit" className="button">Filter</button>
      {filter ? <button type="button" className="button button-bare" onClick={() => ask({ filter: "", runs: "" })}>All runs</button> : null}
    </form>
  );
}

function Choose({ all, chosen }: { all: readonly Experiment[]; chosen: string }) {
  return (
    <label className="row"><span className="quiet small">Experiment</span>
      <select className="select" value={chosen} onChange={(event) => ask({ experiment: event.target.value, runs: "", order: "", filter: "" })}>
        {all.map((one) => <option key={one.experiment_id} value={one.experiment_id}>{label(one.name)}</option>)}
      </select>
    </label>
  );
}

/** Is a column's head, which orders the runs by it. */
function Head({ field, name, title, order }: { field: "metrics" | "params" | "attributes"; name: string; title?: string; order: string }) {
  const [up, down] = [ordered(field, name, true), ordered(field, name, false)];
  const is = order === up && up !== undefined ? "ascending" : order === down && down !== undefined ? "descending" : "none";
  const text = title ?? <span className="mono"><Raw>{name}</Raw></span>;
  if (up === undefined || down === undefined) return <th scope="col">{text}</th>;
  return (
    <th scope="col" aria-sort={is}>
      <button type="button" className="sort" onClick={() => ask({ order: is === "descending" ? up : down })}>{text}<span aria-hidden="true">{is === "ascending" ? " ↑" : is === "descending" ? " ↓" : ""}</span></button>
    </th>
  );
}

function Cell({ run, column }: { run: Run; column: Column }) {
  const found = value(run, column);
  if (found === undefined) return <td className="quiet">–</td>;
  if (typeof found === "number") return <td className="num">{short(found)}</td>;
  if (column.field === "metrics") return <td className="gap-told">not a number</td>;
  return <td className="mono small"><Raw>{found}</Raw></td>;
}

function RunRow({ run, shown, line, onChoose }: { run: Run; shown: readonly Column[]; line: number | undefined; onChoose: () => void }) {
  const { info } = run;
  const { word, tone } = STATUSES[info.status] ?? { word: info.status, tone: "plain" as const };
  return (
    <tr>
      <td><input type="checkbox" checked={line !== undefined} onChange={onChoose} aria-label={`Draw ${label(info.run_name)}`} /></td>
      <th scope="row" className="run-name"><Link to={`/runs/${encodeURIComponent(info.run_id)}`}>{line === undefined ? null : <Swatch line={line} />}<Raw>{info.run_name}</Raw></Link></th>
      <td><Pill tone={tone}>{word}</Pill></td>
      <td className="small"><Ago at={info.start_time} /></td>
      <td className="small num">{info.end_time ? took(info.end_time - info.start_time) : "–"}</td>
      {shown.map((column) => <Cell key={`${column.field} ${column.key}`} run={run} column={column} />)}
    </tr>
  );
}

/** Takes the columns that most runs have. */
function usual(found: readonly Run[]): Column[] {
  const all = columns(found);
  const of = (field: Column["field"]) => all.filter((column) => column.field === field).slice(0, COLUMNS);
  return [...of("metrics"), ...of("params")];
}

function Table({ found, lines, order, onChoose }: { found: Found; lines: ReadonlyMap<string, number>; order: string; onChoose: (id: string) => void }) {
  const shown = useMemo(() => usual(found.items), [found.items]);
  return (
    <section className="card stack-s">
      <div className="row-apart"><h2>{many(found.items.length, "run")}{found.next ? " and more" : ""}</h2><button type="button" className="button button-small" onClick={found.again}>Read again</button></div>
      <div className="scroll tall" tabIndex={0} role="region" aria-label="Runs">
        <table className="table runs">
          <thead>
            <tr>
              <th scope="col"><span className="hidden-label">Drawn</span></th>
              <Head field="attributes" name="run_name" title="Run" order={order} />
              <Head field="attributes" name="status" title="Status" order={order} />
              <Head field="attributes" name="start_time" title="Started" order={order} />
              <th scope="col">Took</th>
              {shown.map((column) => <Head key={`${column.field} ${column.key}`} field={column.field} name={column.key} order={order} />)}
            </tr>
          </thead>
          <tbody>{found.items.map((run) => <RunRow key={run.info.run_id} run={run} shown={shown} line={lines.get(run.info.run_id)} onChoose={() => onChoose(run.info.run_id)} />)}</tbody>
        </table>
      </div>
      {found.next ? <div><button type="button" className="button" onClick={found.more}>Show more</button></div> : null}
    </section>
  );
}

/** Gives each chosen run a kind of line of its own. */
function linesOf(found: readonly Run[], wished: string): ReadonlyMap<string, number> {
  const ids = wished === "" ? found.slice(0, CHOSEN_FIRST).map((run) => run.info.run_id) : wished.split(",");
  const known = ids.filter((id) => found.some((run) => run.info.run_id === id)).slice(0, LINES);
  return new Map(known.map((id, line) => [id, line]));
}

function Drawn({ items, lines, view }: { items: readonly Run[]; lines: ReadonlyMap<string, number>; view: string }) {
  const chosen = items.filter((run) => lines.has(run.info.run_id));
  return (
    <>
      <div className="row-apart">
        <div className="segments" role="group" aria-label="Drawing">
          <button type="button" aria-pressed={view !== "parallel"} onClick={() => ask({ view: "" })}>Curves</button>
          <button type="button" aria-pressed={view === "parallel"} onClick={() => ask({ view: "parallel" })}>Parallel coordinates</button>
        </div>
        <span className="quiet small">{many(chosen.length, "run")} chosen, {LINES} at most</span>
      </div>
      {view === "parallel" ? <Parallel runs={items} lines={lines} /> : <Curves runs={chosen} lines={lines} />}
    </>
  );
}

function Experimented({ all }: { all: readonly Experiment[] }) {
  const asked = query(useAddress());
  const [filter, order] = [asked.get("filter") ?? "", asked.get("order") ?? ""];
  const wished = all.find((one) => one.experiment_id === asked.get("experiment"));
  const experiment = (wished ?? all[0])?.experiment_id ?? "0";
  const found = useRuns({ experiment, filter, order });
  const lines = linesOf(found?.items ?? [], asked.get("runs") ?? "");
  const choose = (id: string) => {
    const next = lines.has(id) ? [...lines.keys()].filter((one) => one !== id) : [...lines.keys(), id].slice(-LINES);
    ask({ runs: next.join(",") || "none" });
  };
  return (
    <>
      <div className="row filters"><Choose all={all} chosen={experiment} /><Filter filter={filter} /></div>
      {found?.problem ? <ProblemNote problem={found.problem} /> : null}
      {found && !found.problem && found.items.length === 0 ? (filter ? <Empty icon="runs" title="No run passes this filter" /> : <NothingTracked title="No run is tracked here yet" />) : null}
      {found && found.items.length > 0 ? <><Table found={found} lines={lines} order={order} onChoose={choose} /><Drawn items={found.items} lines={lines} view={asked.get("view") ?? ""} /></> : null}
    </>
  );
}

export function RunsPage() {
  const all = useLoaded("experiments", experiments);
  return (
    <div className="page page-wide">
      <PageHead title="Runs">What was tracked of training. Nothing here decides anything; what a run logged is its own word.</PageHead>
      {all.problem ? <ProblemNote problem={all.problem} /> : null}
      {all.data ? <Experimented all={all.data} /> : null}
    </div>
  );
}
