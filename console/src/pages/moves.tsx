/** Who moved what of a registered model: each move with its decision. */

import type { Schema } from "../api/client.ts";
import { Text } from "../render/Text.tsx";
import { Ago, Link } from "../ui/parts.tsx";
import { many, subject } from "../ui/words.ts";

export type Move = Schema<"ModelMoved">;

const MOVED: Record<Move["kind"], string> = {
  "model-made": "made the model", "model-renamed": "renamed it", "model-deleted": "deleted the model", "version-made": "registered", "version-deleted": "deleted",
  "stage-moved": "moved the stage of", "alias-moved": "moved an alias", "deployment-moved": "moved what runs at",
};

export function By({ move }: { move: Move }) {
  return <>{subject(move.by).name}{move.on_behalf_of ? ` for ${move.on_behalf_of}` : ""}</>;
}

/** Says what a move was from and to. */
function FromTo({ move }: { move: Move }) {
  const version = move.version == null ? null : <> version <strong className="num">{move.version}</strong></>;
  if (move.kind === "alias-moved" || move.kind === "deployment-moved") return <> <strong><Text>{move.alias ?? ""}</Text></strong> from {move.from ? <Text>{move.from}</Text> : "nothing"} to {move.to ? <Text>{move.to}</Text> : "nothing"}</>;
  if (move.kind === "stage-moved") return <>{version} from <Text>{move.from ?? ""}</Text> to <Text>{move.to ?? ""}</Text></>;
  if (move.kind === "model-renamed") return <> from <Text>{move.from ?? ""}</Text> to <Text>{move.to ?? ""}</Text></>;
  return <>{version}</>;
}

/** Are the moves that nobody decides. */
const FREE: readonly Move["kind"][] = ["model-made", "version-made"];

function Decided({ move }: { move: Move }) {
  if (move.action) return <Link to={`/actions/${move.action}`} className="inline small">its decision</Link>;
  return FREE.includes(move.kind) ? <span className="small quiet">needs no decision</span> : <span className="small gap-told">names no decision</span>;
}

function MoveRow({ move }: { move: Move }) {
  return (
    <li className="list-row">
      <span><By move={move} /> <span className="quiet">{MOVED[move.kind]}</span><FromTo move={move} /></span>
      <span className="small quiet"><Ago at={move.at} /></span>
      <Decided move={move} />
    </li>
  );
}

/** Lists the latest moves, the newest first. */
export function Moves({ title, moves, isCut }: { title: string; moves: readonly Move[]; isCut: boolean }) {
  return (
    <section className="card">
      <div className="row-apart"><h2>{title}</h2><span className="quiet small">{many(moves.length, "move")}{isCut ? ", the first of more" : ""}</span></div>
      <ul className="list">{[...moves].reverse().slice(0, 100).map((move) => <MoveRow key={move.seq} move={move} />)}</ul>
    </section>
  );
}
