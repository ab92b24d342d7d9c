import { expect } from "chai";
import type { Contracts, MedNexusError } from "@mednexus/sdk";
import { Metrics } from "../metrics.ts";
import { Outbox } from "../outbox.ts";
import { FakeChain, fakeSigner, MemoryStore, POLICY } from "../testing.ts";
import { proverConfigSchema } from "./config.ts";
import { JobProver } from "./prover.ts";
import type { JobWatch } from "./watch.ts";
import type { Worker } from "./work.ts";

describe("A job prover's turn", () => {
  it("ends the run once a transaction that another process sent with its key is final", async () => {
    const chain = new FakeChain();
    const log = (): void => {};
    const outbox = new Outbox({
      chain,
      signer: fakeSigner,
      store: new MemoryStore(),
      policy: POLICY,
      log,
      owner: "31337/0x1/0x2",
    });
    const metrics = new Metrics();
    const self = { address: fakeSigner.address, free: 0n, credit: 0n };
    const watch = {
      head: async () => chain.head(),
      snapshot: async () => ({ head: chain.head(), self, jobs: [], losses: [], withheld: new Map() }),
    };
    const policy = proverConfigSchema.parse({
      rpcUrl: "http://127.0.0.1:1",
      relayUrl: "http://127.0.0.1:1",
      deployment: "d",
      dataDir: "s",
      keyFile: "k",
    });
    const prover = new JobProver({
      watch: watch as unknown as JobWatch,
      worker: {} as Worker,
      outbox,
      contracts: {} as Contracts,
      token: "0x",
      policy,
      metrics,
      log,
    });
    // Its own transaction is lost, and another of the same account takes the nonce.
    chain.forgetful = true;
    await outbox.submit([{ key: "a", call: { to: `0x${"bb".repeat(20)}`, data: "0xaa" } }], chain.head());
    chain.forgetful = false;
    const fees = { maxFeePerGas: 9n, maxPriorityFeePerGas: 1n };
    const { raw } = await fakeSigner.sign({ to: "0x", data: "0xff", nonce: 0, gasLimit: 1n, ...fees });
    await chain.send(raw);
    const codes: string[] = [];
    for (let turn = 0; turn <= POLICY.confirmations && codes.length === 0; turn++) {
      chain.mine(1);
      await prover.tick().catch((error: MedNexusError) => codes.push(error.code));
    }
    expect(codes).to.deep.equal(["KEY_IN_USE"]);
    expect(metrics.health).to.deep.equal({ healthy: false, reason: "KEY_IN_USE" });
  });
});
