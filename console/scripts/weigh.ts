// Compresses the built files as they are served, and says what the first view weighs.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const GZIP_BYTES_MAX = 200_000;
const dist = join(import.meta.dirname, "..", "dist");
let total = 0;
for (const name of readdirSync(dist).sort()) {
  if (name.endsWith(".gz")) continue;
  const plain = readFileSync(join(dist, name));
  const packed = gzipSync(plain, { level: 9 });
  if (!process.argv.includes("--only-say")) writeFileSync(join(dist, `${name}.gz`), packed);
  total += packed.length;
  console.log(`${name.padEnd(14)} ${String(plain.length).padStart(8)} B, ${String(packed.length).padStart(7)} B gzip`);
}
console.log(`first view     ${total} B gzip of ${GZIP_BYTES_MAX} B at most`);
if (total > GZIP_BYTES_MAX) process.exit(1);
