/** What differs between two bundles, file by file and line by line. */

import type { Schema } from "../api/client.ts";
import { useResource } from "../api/use.ts";
import { Text } from "../render/Text.tsx";
import { Pill, ProblemNote } from "../ui/parts.tsx";

type Line = Schema<"DifferenceLine">;

const BECAME = { added: { word: "added", tone: "good" }, removed: { word: "removed", tone: "bad" }, changed: { word: "changed", tone: "watch" } } as const;

/** Is what stands in front of a line: a sign besides the colour, and a word for who does not see either. */
const SIDES = { both: { sign: " ", says: "" }, old: { sign: "\u2212", says: "was: " }, new: { sign: "+", says: "is: " } } as const;

function Row({ line }: { line: Line }) {
  const { sign, says } = SIDES[line.side];
  return (
    <div className={`diff-line diff-${line.side}`}>
      <span className="diff-number num" aria-hidden="true">{line.number}</span>
      <span aria-hidden="true">{sign}</span>
      <span>{says ? <span className="hidden-label">{says}</span> : null}<Text>{line.text}</Text></span>
    </div>
  );
}

/** Shows what the newer bundle says otherwise than the older one. */
export function Difference({ from, to }: { from: string; to: string }) {
  const read = useResource<Schema<"BundleDifference">>(`/v1/bundles/${to}/difference?from=${from}`);
  if (!read.data) return read.problem ? <ProblemNote problem={read.problem} /> : null;
  if (read.data.files.length === 0) return <p className="quiet small">Both say the same.</p>;
  return (
    <div className="stack-s">
      {read.data.files.map((file) => (
        <section key={file.path}>
          <div className="row-apart"><h3 className="diff-file mono small"><Text>{file.path}</Text></h3><Pill tone={BECAME[file.became].tone}>{BECAME[file.became].word}</Pill></div>
          <div className="well diff" tabIndex={0} role="region" aria-label={`What changed in ${file.path}`}>
            {file.hunks.map((hunk, at) => <div key={at} className="diff-hunk">{hunk.map((line, row) => <Row key={row} line={line} />)}</div>)}
          </div>
        </section>
      ))}
    </div>
  );
}
