/**
 * What an eye makes of a text on a page, written apart from the renderer and knowing nothing of it: what has no shape is not
 * seen, lookalikes are taken for what they look like, and blanks run together.
 */

const SHAPES: Record<string, string> = {};
const groups: [string, string][] = [
  ["aаαɑᴀạ", "a"], ["bƀḅ", "b"], ["cсϲᴄ", "c"], ["dԁ", "d"], ["eеẹ", "e"], ["gɡ", "g"], ["hһհ", "h"], ["iіıι", "i"], ["jј", "j"], ["kκ", "k"],
  ["lӏⅼ丨ʟ", "l"], ["nոñ", "n"], ["oоοօסⲟ𐐬", "o"], ["pрρ", "p"], ["sѕ", "s"], ["uսυ", "u"], ["vνѵ", "v"], ["xхχ", "x"], ["yуγ", "y"], ["wԝ", "w"],
  ["AАΑᎪ", "A"], ["HΗН", "H"], ["IІΙꓲ", "I"], ["/ノ∕⁄", "/"], ["0٠०", "0"],
  ["-‐‑–−", "-"], [".․。", "."], [":∶", ":"], ["'‘’ʼ", "'"], ['"“”', '"'], ["|∣", "|"], ["*∗", "*"], ["\\∖", "\\"], [";\u037e", ";"],
];
for (const [alike, shape] of groups) for (const char of alike) SHAPES[char] = shape;

export function eye(text: string): string {
  const seen = [...text.normalize("NFKC")]
    .filter((char) => !/[\p{Cc}\p{Cf}\p{Cn}\p{Co}\p{Zl}\p{Zp}\p{Mn}\u115f\u1160\u2800\u3164\uffa0]/u.test(char) || char === "\n")
    .map((char) => SHAPES[char] ?? char)
    .join("");
  return seen.replace(/[ \n\u00a0]+/gu, " ").trim();
}
