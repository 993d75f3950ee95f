/** What the stages said, and the risk they added up. */

import type { Finding, Schema } from "../api/client.ts";
import { Text } from "../render/Text.tsx";
import { Pill } from "../ui/parts.tsx";
import { VERDICTS } from "../ui/words.ts";

const RANK = { allow: 0, allow_observed: 1, escalate: 2, deny: 3 } as const;

/** Is what stands on a finding that people's approval has met. */
const MET = { word: "approved by people", tone: "good" } as const;

function One({ finding, met }: { finding: Finding; met: boolean }) {
  const { word, tone } = met && finding.restriction === "escalate" ? MET : VERDICTS[finding.restriction];
  return (
    <li className="finding">
      <div className="row">
        <Pill tone={tone}>{word}</Pill>
        <span className="quiet small">{finding.stage}{finding.profile ? ` · ${finding.profile}` : ""}</span>
      </div>
      <p><Text>{finding.detail}</Text></p>
      <p className="quiet small"><code>{finding.code}</code>{finding.source ? <> · <Text>{finding.source}</Text></> : null}</p>
    </li>
  );
}

/** Shows what restricted the action first, and what let it pass behind a fold. */
export function Findings({ findings, open = false, met = false }: { findings: readonly Finding[]; open?: boolean; met?: boolean }) {
  const sorted = [...findings].sort((a, b) => RANK[b.restriction] - RANK[a.restriction]);
  const asks = sorted.filter((finding) => RANK[finding.restriction] >= RANK.escalate);
  const rest = sorted.filter((finding) => RANK[finding.restriction] < RANK.escalate);
  return (
    <div className="stack">
      {asks.length > 0 ? <ul className="findings">{asks.map((finding, key) => <One key={key} finding={finding} met={met} />)}</ul> : null}
      {rest.length > 0 ? (
        <details className={asks.length > 0 ? "fold" : ""} open={open || asks.length === 0}>
          <summary>{rest.length} more that let it pass</summary>
          <ul className="findings">{rest.map((finding, key) => <One key={key} finding={finding} met={met} />)}</ul>
        </details>
      ) : null}
    </div>
  );
}

function Line({ at, span, word }: { at: number; span: number; word: string }) {
  if (at <= 0 || at > span) return null;
  return <span className="risk-line" style={{ left: `${(at / span) * 100}%` }}><span>{word} {at}</span></span>;
}

/** Draws a risk score as what it is: a sum. */
export function RiskBar({ risk, scale }: { risk: Schema<"Risk">; scale?: Schema<"RiskScale"> | null | undefined }) {
  const factors = Object.entries(risk.factors).sort(([, a], [, b]) => b - a);
  const counted = factors.filter(([, points]) => points > 0);
  const none = factors.filter(([, points]) => points <= 0).map(([name]) => name);
  const span = Math.max(risk.score, (scale?.escalate_from ?? 0) * 1.25, 1);
  const largest = Math.max(1, ...counted.map(([, points]) => points));
  const label = `Risk ${risk.score}: ${counted.map(([name, points]) => `${name} ${points}`).join(", ") || "no factor adds anything"}`;
  return (
    <div>
      <div className="risk-bar" role="img" aria-label={label}>
        <div className="risk-track">
          {counted.map(([name, points], key) => (
            <i key={name} style={{ width: `${(points / span) * 100}%`, opacity: 1 - Math.min(key, 5) * 0.13 }} title={`${name} ${points}`} />
          ))}
        </div>
        {scale ? <Line at={scale.observe_from} span={span} word="observed from" /> : null}
        {scale ? <Line at={scale.escalate_from} span={span} word="asks from" /> : null}
      </div>
      <ul className="factors">
        {counted.map(([name, points]) => (
          <li key={name} className="factor">
            <span>{name.replaceAll("_", " ")}</span>
            <span className="factor-bar"><i style={{ width: `${(points / largest) * 100}%` }} /></span>
            <b>{points}</b>
          </li>
        ))}
        {none.length > 0 ? <li className="factor-none">nothing from {none.map((name) => name.replaceAll("_", " ")).join(", ")}</li> : null}
      </ul>
    </div>
  );
}
