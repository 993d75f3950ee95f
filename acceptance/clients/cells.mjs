// The cells themselves, for both generations of the JavaScript SDK: what they share is the client's own interface.

const [way, cell, tool] = process.argv.slice(2);
const WRITE = {
  name: "gzip-file-as-resource",
  arguments: { name: `${cell}.gz`, data: "data:text/plain,hello", outputType: "resource" },
};
const long = (duration, steps) => ({ name: "trigger-long-running-operation", arguments: { duration, steps } });

function expect(found, wanted) {
  const [said, meant] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (said !== meant) throw new Error(`${said} instead of ${meant}`);
}

const refusal = (result) => result._meta?.["countersign.dev/refusal"]?.code ?? "";
const failed = (result) => result.isError ?? false;

/** Cancels a call at its first sign of life. */
async function withdraw(call, params) {
  const abort = new AbortController();
  const onprogress = () => abort.abort("no longer wanted");
  const ended = await call(params, { signal: abort.signal, onprogress }).then(() => "answered", () => "withdrawn");
  expect(ended, "withdrawn");
  expect(abort.signal.aborted, true);
}

const cells = {
  async plain({ client, call }) {
    expect((await client.listTools()).tools.some(({ name }) => name === tool), true);
    expect(failed(await call({ name: tool, arguments: {} })), false);
  },
  async call({ client, call }) {
    expect((await client.listTools()).tools.length > 0, true);
    const result = await call({ name: "get-sum", arguments: { a: 2, b: 40 } });
    expect(result.content[0].text.includes("42"), true);
  },
  async approved({ call }) {
    const result = await call(WRITE);
    // The text says why, if it is refused.
    expect(refusal(result) && result.content[0].text, "");
    expect([failed(result), result.content[0].type], [false, "resource"]);
  },
  async denied({ call }) {
    const result = await call(WRITE);
    expect([refusal(result), failed(result)], ["approval-denied", true]);
  },
  async cancelled({ call }) {
    await withdraw(call, WRITE);
    await withdraw(call, long(10, 20));
    expect(failed(await call({ name: "echo", arguments: { message: "still here" } })), false);
  },
  async progress({ call }) {
    const steps = [];
    const onprogress = ({ progress, total }) => steps.push([progress, total]);
    expect(failed(await call(long(1, 4), { onprogress })), false);
    expect(steps, [[1, 4], [2, 4], [3, 4], [4, 4]]);
  },
};

function transport({ stdio, http }) {
  const { CS, CS_DIR, CS_SERVER, CS_URL, CS_KEY } = process.env;
  if (way === "stdio") return stdio({ command: CS, args: ["wrap", "--dir", CS_DIR, "--server", CS_SERVER] });
  return http(new URL(CS_URL), { requestInit: { headers: { Authorization: `Bearer ${CS_KEY}` } } });
}

export async function runCell(sdk) {
  try {
    const reached = transport(sdk);
    const version = sdk.speaks(reached);
    await sdk.client.connect(reached);
    await cells[cell](sdk);
    const spoken = version();
    expect(spoken, sdk.wanted);
    await sdk.client.close();
    console.log(`${cell} ok ${spoken}`);
  } catch (error) {
    console.log(`${cell}: ${error.message}`);
    process.exitCode = 1;
    await sdk.client.close();
  }
}
