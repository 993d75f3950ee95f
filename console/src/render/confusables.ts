/**
 * Letters and signs of other scripts that look like ASCII in common fonts.
 *
 * Letters are marked in a word that mixes scripts, or that has none but such letters; signs are marked wherever they stand.
 */

const CYRILLIC = "аеорсухіјѕһԁԛԝьгктмпАВЕКМНОРСТУХЅІЈҺԌԚԜЬУҮүѴѵΖЗӀӏҽҺԍԎցҮɜз";
const GREEK = "αοινρυκτγωχβηςϲϳσΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹͿϜ";
const ARMENIAN = "օսհոցյքզլռՏԼՍՕՅՈԱԶ";
const HEBREW = "וסןח";
const ARABIC = "اهوٱىإأ";
const CJK = "一丨丶丿口工士二三十〇ノーロハニトエカタ";
const GEORGIAN = "ჿყს";
const THAI = "ทนรเแ";

/** Letters that can stand for an ASCII letter, digit or sign. */
export const LOOKALIKES: ReadonlySet<string> = new Set(
  [CYRILLIC, GREEK, ARMENIAN, HEBREW, ARABIC, CJK, GEORGIAN, THAI].flatMap((letters) => [...letters]),
);

/** Latin letters outside ASCII that look like ones inside it. */
export const LATIN_LOOKALIKES: ReadonlySet<string> = new Set([
  ..."ıȷɑɡɩɪʟʏɴʀʙɢʜᴀᴄᴅᴇᴊᴋᴍᴏᴘᴛᴜᴠᴡᴢᴑᴓɛɜʋʀɾɪƽƨƷʒꜱꞁƖƗɫŧŦɇƁƒɓɗɠɦƙʠɼʂȿɀǀǁǃƴƿ",
]);

/** Signs outside ASCII that look like ones inside it. */
export const SIGN_LOOKALIKES: ReadonlySet<string> = new Set([
  ..."\u037e‐‑‒–−﹣－⁄∕⧸╱〳․‥﹒。．·•∙⋅․ꓸ‚،٫ꓹ，；：ː˸։׃∶ꓽ！ǃ？‘’‛ʼʽʹ′`´ˊˋ՚׳ʻ＂“”„‟″〃＇＊∗⁎٭＃＄％＆（）［］｛｝❨❩❲❳❴❵＋＝˭∣｜ǀ∥‖¦＼∖⧵⟍～∼˜〜＾ˆ＿﹍＠＜＞‹›〈〉❮❯",
]);
