/** The curves of runs that were chosen: a drawing for each metric, read when it is shown. */

import { useMemo, useState } from "react";

import { history, type Metric, type Page, type Run } from "../api/mlflow.ts";
import { useLoaded } from "../api/use.ts";
import { Curve, type Series } from "../charts/Curve.tsx";
import { type Along, points } from "../charts/curve.ts";
import { Empty, ProblemNote } from "../ui/parts.tsx";

/** Is how many metrics are drawn at once. */
const SHOWN = 4;

/** Lists the metrics of some runs, those first that most of them have. */
function keys(runs: readonly Run[]): string[] {
  const counts = new Map<string, number>();
  for (const { key } of runs.flatMap((run) => run.data.metrics ?? [])) counts.set(key, (counts.get(key) ?? 0) + 1);
  return [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).map(([key]) => key);
}

async function read(runs: readonly Run[], key: string): Promise<readonly Page<Metric>[]> {
  const none: Page<Metric> = { items: [], next: undefined };
  const has = (run: Run) => run.data.metrics?.some((metric) => metric.key === key);
  return Promise.all(runs.map((run) => (has(run) ? history(run.info.run_id, key) : none)));
}

function One({ name, runs, lines, along }: { name: string; runs: readonly Run[]; lines: ReadonlyMap<string, number>; along: Along }) {
  const ids = runs.map((run) => run.info.run_id);
  const read_ = useLoaded(JSON.stringify([name, ids]), () => read(runs, name));
  const all = useMemo(() => series(runs, lines, read_.data ?? [], along), [read_.data, along]);
  if (!read_.data) return read_.problem ? <ProblemNote problem={read_.problem} /> : <div className="card curve-waits" />;
  return <Curve name={name} all={all} along={along} />;
}

function series(runs: readonly Run[], lines: ReadonlyMap<string, number>, pages: readonly Page<Metric>[], along: Along): Series[] {
  return runs.flatMap((run, at) => {
    const page = pages[at];
    if (!page || page.items.length === 0) return [];
    return [{ run: run.info.run_id, name: run.info.run_name, line: lines.get(run.info.run_id) ?? 0, curve: points(page.items, along), isCut: page.next !== undefined }];
  });
}

export function Curves({ runs, lines }: { runs: readonly Run[]; lines: ReadonlyMap<string, number> }) {
  const [along, setAlong] = useState<Along>("step");
  const [shown, setShown] = useState(SHOWN);
  const all = useMemo(() => keys(runs), [runs]);
  if (runs.length === 0) return <Empty icon="runs" title="No run is chosen">Tick runs in the table to draw what they logged.</Empty>;
  if (all.length === 0) return <Empty icon="runs" title="These runs have logged no metric" />;
  return (
    <>
      <div className="segments" role="group" aria-label="Along">
        <button type="button" aria-pressed={along === "step"} onClick={() => setAlong("step")}>By step</button>
        <button type="button" aria-pressed={along === "time"} onClick={() => setAlong("time")}>By time</button>
      </div>
      <div className="curves">{all.slice(0, shown).map((name) => <One key={name} name={name} runs={runs} lines={lines} along={along} />)}</div>
      {all.length > shown ? <div><button type="button" className="button" onClick={() => setShown(shown + SHOWN)}>Show {Math.min(SHOWN, all.length - shown)} more of {all.length} metrics</button></div> : null}
    </>
  );
}
