/** Counts what holds: each check by its name, and the whole at the end. */

let passed = 0;
let failed = 0;

export async function check(name: string, test: () => Promise<void>): Promise<void> {
  try {
    await test();
    passed += 1;
    console.log(`ok      ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name}\n${error instanceof Error ? error.stack : error}`);
  }
}

/** Says how many held, and returns the exit code. */
export function close(): number {
  console.log(`${passed} passed, ${failed} failed`);
  return failed > 0 ? 1 : 0;
}
