/**
 * Writes foreign text so that nothing in it can hide, move or pass for something else.
 *
 * The one function by which every page shows what an agent, a tool or a person wrote. It is pure, and what it returns can be
 * read back exactly ({@link read}): so what stands on the page is what was written, and two different texts never look the
 * same. Characters that deceive are written `⟨U+202E⟩`; line breaks as `↵` and a break; tabs as `⇥`; blanks where they
 * would not be seen as `␣`. Those signs themselves, where they are part of the text, are written as code points.
 */

import { LATIN_LOOKALIKES, LOOKALIKES, SIGN_LOOKALIKES } from "./confusables.ts";

/** Says what a stretch of text is: as it was written, or made visible, and why. */
export type Kind = "plain" | "rtl" | "break" | "blank" | "control" | "hidden" | "order" | "lookalike" | "foreign";

export interface Segment {
  readonly kind: Kind;
  /** What stands on the page. */
  readonly text: string;
}

const OPEN = "⟨";
const CLOSE = "⟩";
const OWN_SIGNS = new Set([OPEN, CLOSE, "↵", "⇥", "␣"]);

/** Characters that change the order in which others are shown. */
const ORDER = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
const CONTROL = /\p{Cc}/u;
/** Everything that has no shape of its own: format characters, fillers, private and unassigned ones, halves of pairs. */
const HIDDEN =
  /[\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\ufe00-\ufe0f\u{e0100}-\u{e01ef}]/u;
const BLANK = /\p{Zs}/u;
const DIGIT = /\p{Nd}/u;
/** Marks that belong to no script and so can be put on any letter. */
const FREE_MARK = /[\p{Script=Inherited}]/u;
const MARK = /\p{M}/u;
const WORD = /[\p{L}\p{M}\p{N}_]/u;
const LETTER = /\p{L}/u;
const LATIN = /\p{Script=Latin}/u;
const EAST_ASIAN = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}ー]/u;
const RTL = /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}]/u;
/** Scripts that people write in today; a letter of any other is marked wherever it stands. */
const CURRENT = [
  /\p{Script=Cyrillic}/u, /\p{Script=Greek}/u, /\p{Script=Armenian}/u, /\p{Script=Georgian}/u, /\p{Script=Hebrew}/u,
  /\p{Script=Arabic}/u, /\p{Script=Devanagari}/u, /\p{Script=Bengali}/u, /\p{Script=Gurmukhi}/u, /\p{Script=Gujarati}/u,
  /\p{Script=Tamil}/u, /\p{Script=Telugu}/u, /\p{Script=Kannada}/u, /\p{Script=Malayalam}/u, /\p{Script=Sinhala}/u,
  /\p{Script=Thai}/u, /\p{Script=Lao}/u, /\p{Script=Khmer}/u, /\p{Script=Myanmar}/u, /\p{Script=Tibetan}/u,
  /\p{Script=Ethiopic}/u,
];
/** Marks below a Latin letter that are easily overlooked. */
const OVERLOOKED = /[\u0323-\u0325\u032d\u0330\u0331]/u;

function isAscii(char: string): boolean {
  return char >= " " && char <= "~";
}

function marked(kind: Kind, char: string): Segment {
  const hex = (char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
  return { kind, text: `${OPEN}U+${hex}${CLOSE}` };
}

/** Says why a character is marked wherever it stands; nothing if that depends on its word or it is not. */
function deception(char: string): Kind | undefined {
  if (CONTROL.test(char)) return "control";
  if (ORDER.test(char)) return "order";
  if (HIDDEN.test(char)) return "hidden";
  if (BLANK.test(char)) return "blank";
  if (OWN_SIGNS.has(char) || SIGN_LOOKALIKES.has(char) || LATIN_LOOKALIKES.has(char) || DIGIT.test(char)) return "lookalike";
  if (FREE_MARK.test(char)) return "foreign";
  const compatible = char.normalize("NFKC");
  if (compatible !== char && [...compatible].some((part) => part > " " && part <= "~")) return "lookalike";
  if (LATIN.test(char)) return OVERLOOKED.test(char.normalize("NFD")) ? "lookalike" : undefined;
  if (LETTER.test(char) || MARK.test(char)) return EAST_ASIAN.test(char) || script(char) >= 0 ? undefined : "foreign";
  return undefined;
}

function script(char: string): number {
  return CURRENT.findIndex((script) => script.test(char));
}

/** Says why the letters of a word are marked that deceive by the company they keep. */
function company(word: readonly string[]): ((char: string) => Kind | undefined) {
  const letters = word.filter((char) => LETTER.test(char));
  const hasLatin = letters.some((char) => LATIN.test(char));
  const foreign = letters.filter((char) => !LATIN.test(char) && !EAST_ASIAN.test(char));
  const eastern = letters.filter((char) => EAST_ASIAN.test(char));
  const scripts = new Set(foreign.map(script));
  const isMixed = scripts.size > 1 || (scripts.size === 1 && (hasLatin || eastern.length > 0));
  const onlyLookalikes = (some: readonly string[]) => some.length > 0 && some.every((char) => LOOKALIKES.has(char));
  if (isMixed || (!hasLatin && onlyLookalikes([...foreign, ...eastern]))) {
    return (char) => (LATIN.test(char) || !LETTER.test(char) ? undefined : "lookalike");
  }
  // Beside ASCII, a stroke that is a word of its own in the east is a stroke still.
  if (hasLatin && onlyLookalikes(eastern)) return (char) => (EAST_ASIAN.test(char) ? "lookalike" : undefined);
  return () => undefined;
}

function isBlankUnseen(chars: readonly string[], at: number): boolean {
  const before = chars[at - 1];
  const after = chars[at + 1];
  if (after === undefined || after === "\n" || after === "\r") return true;
  if (before === undefined) return true;
  return before === " " ? !isIndent(chars, at) : after === " " && !isIndent(chars, at);
}

/** Says whether nothing but blanks stands before on this line, which is not the first. */
function isIndent(chars: readonly string[], at: number): boolean {
  let back = at;
  while (back > 0 && chars[back] === " ") back -= 1;
  return chars[back] === "\n";
}

/** Writes text so that it can be looked at. */
export function render(text: string): Segment[] {
  const chars = [...text];
  const out: Segment[] = [];
  const plain = (kind: "plain" | "rtl", char: string) => {
    const last = out.at(-1);
    if (last?.kind === kind) out[out.length - 1] = { kind, text: last.text + char };
    else out.push({ kind, text: char });
  };
  for (let at = 0; at < chars.length; ) {
    const char = chars[at] ?? "";
    if (WORD.test(char)) {
      let end = at;
      while (end < chars.length && WORD.test(chars[end] ?? "")) end += 1;
      const word = chars.slice(at, end);
      const judge = company(word);
      for (const letter of word) {
        const kind = isAscii(letter) ? undefined : (deception(letter) ?? judge(letter));
        if (kind) out.push(marked(kind, letter));
        else plain(RTL.test(letter) ? "rtl" : "plain", letter);
      }
      at = end;
      continue;
    }
    if (char === "\n") out.push({ kind: "break", text: "↵\n" });
    else if (char === "\t") out.push({ kind: "blank", text: "⇥" });
    else if (char === " " && isBlankUnseen(chars, at)) out.push({ kind: "blank", text: "␣" });
    else {
      const kind = isAscii(char) ? undefined : deception(char);
      if (kind) out.push(marked(kind, char));
      else plain("plain", char);
    }
    at += 1;
  }
  return out;
}

/** Returns what stands on the page. */
export function shown(segments: readonly Segment[]): string {
  return segments.map((segment) => segment.text).join("");
}

/** Writes a text as somebody wrote it where there is room for one line of letters and for nothing else: in a label, a drawing, an option. */
export function label(text: string): string {
  return shown(render(text)).replaceAll("↵\n", "↵");
}

/** Reads back what {@link render} has written. */
export function read(shown: string): string {
  return shown
    .replaceAll("↵\n", "\n")
    .replaceAll("⇥", "\t")
    .replaceAll("␣", " ")
    .replace(/⟨U\+([0-9A-F]{4,6})⟩/gu, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)));
}

/** Reads back what the server has escaped as `\u{…}`; a text it has not escaped stays as it is. */
export function unescape(text: string): string {
  return text.replace(/\\u\{([0-9a-f]{1,6})\}/gu, (whole, hex: string) => {
    const code = Number.parseInt(hex, 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
