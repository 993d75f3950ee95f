/** One run: what it was given, what it logged, what it read and made. */

import { run as readRun, type Pair, type Run } from "../api/mlflow.ts";
import { useLoaded } from "../api/use.ts";
import { short } from "../charts/curve.ts";
import { Raw } from "../render/Text.tsx";
import { Digest, Link, PageHead, Pill, ProblemNote } from "../ui/parts.tsx";
import { dateTime, took } from "../ui/words.ts";
import { Curves } from "./curves.tsx";
import { STATUSES } from "./runs.tsx";

function Pairs({ title, pairs }: { title: string; pairs: readonly Pair[] }) {
  if (pairs.length === 0) return null;
  return (
    <section className="card">
      <h2>{title}</h2>
      <dl className="facts">
        {pairs.map(({ key, value }) => <div key={key} className="pair"><dt className="mono"><Raw>{key}</Raw></dt><dd className="mono"><Raw>{value}</Raw></dd></div>)}
      </dl>
    </section>
  );
}

function Beside({ run }: { run: Run }) {
  const read = run.inputs.dataset_inputs ?? [];
  const made = run.outputs?.model_outputs ?? [];
  if (read.length + made.length === 0) return null;
  return (
    <section className="card">
      <h2>Read and made</h2>
      <dl className="facts">
        {read.map(({ dataset }) => <div key={`${dataset.name} ${dataset.digest}`} className="pair"><dt>Read</dt><dd><Raw>{dataset.name}</Raw> <span className="quiet small mono"><Raw>{dataset.digest}</Raw></span></dd></div>)}
        {made.map((model) => <div key={`${model.model_id} ${model.step}`} className="pair"><dt>Made</dt><dd><Digest of={model.model_id} label="logged model" /></dd></div>)}
      </dl>
    </section>
  );
}

function metrics(run: Run): Pair[] {
  return (run.data.metrics ?? []).map(({ key, value }) => ({ key, value: typeof value === "number" ? short(value) : "not a number" }));
}

export function RunPage({ id }: { id: string }) {
  const read = useLoaded(`run ${id}`, () => readRun(id));
  const run = read.data;
  if (!run) return read.problem ? <div className="page"><PageHead title="Run" /><ProblemNote problem={read.problem} /></div> : null;
  const { info } = run;
  const { word, tone } = STATUSES[info.status] ?? { word: info.status, tone: "plain" as const };
  return (
    <div className="page">
      <header className="page-head">
        <div className="stack-s">
          <p className="quiet"><Link to={`/runs?experiment=${encodeURIComponent(info.experiment_id)}`}>Runs</Link></p>
          <h1 tabIndex={-1}><Raw>{info.run_name}</Raw></h1>
          <p className="small quiet"><Digest of={info.run_id} label="run" /> · <Raw>{info.user_id || "nobody named"}</Raw> · {dateTime(info.start_time)}{info.end_time ? `, took ${took(info.end_time - info.start_time)}` : ""}</p>
        </div>
        <Pill tone={tone}>{word}</Pill>
      </header>
      <div className="two">
        <Pairs title="Parameters" pairs={run.data.params ?? []} />
        <Pairs title="Metrics, the latest" pairs={metrics(run)} />
      </div>
      {(run.data.metrics ?? []).length > 0 ? <Curves runs={[run]} lines={new Map([[info.run_id, 0]])} /> : null}
      <Beside run={run} />
      <Pairs title="Tags" pairs={run.data.tags ?? []} />
    </div>
  );
}
