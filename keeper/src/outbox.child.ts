/** A process to kill: an outbox with a real folder, on a chain that its parent holds. Arguments: folder, point of death. */
import { FileStore } from "@mednexus/sdk/node";
import { MedNexusError, RevertError } from "@mednexus/sdk";
import { type Chain, Outbox, type StateStore, type TxSigner } from "./outbox.ts";
import type { Head } from "./snapshot.ts";
import { fakeSigner, POLICY } from "./testing.ts";

const [folder, point] = process.argv.slice(2) as [string, string];
const die = (where: string): void => {
  if (where === point) process.kill(process.pid, "SIGKILL");
};

let next = 0;
const waiting = new Map<number, { done: (value: unknown) => void; fail: (error: Error) => void }>();
process.on(
  "message",
  ({ id, value, code, errorName }: { id: number; value?: unknown; code?: string; errorName?: string }) => {
    const { done, fail } = waiting.get(id)!;
    waiting.delete(id);
    if (errorName !== undefined) fail(new RevertError(errorName, {}, undefined));
    else if (code !== undefined) fail(new MedNexusError(code, "from the chain", { retryable: true }));
    else done(value);
  },
);
const ask = <T>(method: string, ...args: unknown[]): Promise<T> =>
  new Promise((done, fail) => {
    waiting.set(next, { done: done as (value: unknown) => void, fail });
    process.send!({ id: next++, method, args });
  });

const chain: Chain = {
  nonce: (tag) => ask("nonce", tag),
  estimate: (call) => ask("estimate", call),
  tip: () => ask("tip"),
  send: async (raw) => {
    await ask("send", raw);
    die("send");
  },
  receipt: async (hash) => {
    const receipt = await ask<Awaited<ReturnType<Chain["receipt"]>>>("receipt", hash);
    if (receipt !== undefined) die("confirm");
    return receipt;
  },
  knows: (hash) => ask("knows", hash),
};
const signer: TxSigner = {
  ...fakeSigner,
  sign: async (request) => {
    const signed = await fakeSigner.sign(request);
    die("sign");
    return signed;
  },
};
const files = new FileStore(folder);
const store: StateStore = {
  read: (key) => files.read(key),
  write: (key, value) => {
    files.write(key, value);
    die("store");
  },
};

const outbox = new Outbox({ chain, signer, store, policy: POLICY, log: () => {}, owner: "child" });
const job = { key: "a", call: { to: `0x${"bb".repeat(20)}`, data: "0x61" } };
let head = await ask<Head>("head");
for (let turn = 0; turn < 8; turn++) {
  await outbox.settle(head);
  die("decide");
  await outbox.submit([job], head);
  head = await ask<Head>("mine");
}
process.disconnect();
process.exitCode = outbox.pending === 0 ? 0 : 1;
