/** How people decide, on the overview: a row for each person, each group and each profile. */

import type { JournalEvent, Schema } from "../api/client.ts";
import { useResource } from "../api/use.ts";
import { many, took } from "../ui/words.ts";

type Figures = Schema<"OversightFigures">;

const DAYS = 30;

function changes(event: JournalEvent): boolean {
  return event.kind === "vote" || event.kind === "case_ended" || event.kind === "decoy" || event.kind === "erasure";
}

function percent(bp: number | null | undefined): string {
  return bp == null ? "–" : `${(bp / 100).toFixed(bp % 100 === 0 ? 0 : 1)} %`;
}

function Row({ name, figures }: { name: string; figures: Figures }) {
  const { decision_ms: times, decoys } = figures;
  return (
    <tr>
      <th scope="row" className="mono">{name}</th>
      <td className="num">{figures.votes}</td>
      <td className="num">
        {percent(figures.approval_bp)}
        {figures.approval_bp == null ? null : <span className="meter" aria-hidden="true"><i style={{ width: `${figures.approval_bp / 100}%` }} /></span>}
      </td>
      <td className="num">{times ? took(times.p50) : "–"}</td>
      <td className="num">{times ? took(times.p90) : "–"}</td>
      <td className="num">{percent(figures.quick_bp)}</td>
      <td className="num">{figures.expired}</td>
      <td className="num">{percent(figures.regret_bp)}</td>
      <td className="num">{decoys.catch_bp == null ? "–" : `${decoys.caught} of ${decoys.caught + decoys.missed}`}</td>
    </tr>
  );
}

function Rows({ title, rows }: { title: string; rows: readonly { readonly name: string; readonly figures: Figures }[] }) {
  if (rows.length === 0) return null;
  return (
    <tbody>
      <tr><th scope="rowgroup" colSpan={9} className="quiet small">{title}</th></tr>
      {rows.map((row) => <Row key={row.name} name={row.name} figures={row.figures} />)}
    </tbody>
  );
}

/** Draws nothing before anybody has decided anything. */
export function Oversight() {
  const since = Math.floor(Date.now() / 3_600_000) * 3_600_000 - DAYS * 86_400_000;
  const report = useResource<Schema<"Oversight">>(`/v1/oversight?since=${since}`, changes).data;
  if (!report || (report.all.votes === 0 && report.all.expired === 0 && report.all.decoys.shown === 0)) return null;
  const { benign } = report;
  return (
    <section className="card stack">
      <div className="row-apart"><h2>How people decide</h2><span className="quiet small">{many(report.cases, "case")} in the last {DAYS} days</span></div>
      <div className="scroll bare" tabIndex={0} role="region" aria-label="How people decide">
        <table className="table">
          <thead><tr>{["Who", "Votes", "Approved", "Half within", "9 in 10 within", "Under 3 s", "Expired", "Regretted", "Decoys caught"].map((name) => <th key={name} scope="col">{name}</th>)}</tr></thead>
          <tbody><Row name="everybody" figures={report.all} /></tbody>
          <Rows title="People" rows={report.people.map((one) => ({ name: one.person, figures: one.figures }))} />
          <Rows title="Groups" rows={report.groups.map((one) => ({ name: one.group, figures: one.figures }))} />
          <Rows title="Profiles" rows={report.profiles.map((one) => ({ name: one.profile, figures: one.figures }))} />
        </table>
      </div>
      <p className="quiet small">
        People were asked about {benign.escalated} of {many(benign.actions, "action")} that ended well{benign.escalated_bp == null ? "" : `, ${(benign.escalated_bp / 100).toFixed(1)} of 100`}.
        {report.all.decoys.shown > 0 ? ` Of ${many(report.all.decoys.shown, "decoy")} ${report.all.decoys.caught} were caught, ${report.all.decoys.missed} missed and ${report.all.decoys.unanswered} left unanswered.` : ""}
      </p>
    </section>
  );
}
