import { fork } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { MedNexusError } from "@mednexus/sdk";
import type { KeeperEvent } from "./events.ts";
import { type Chain, type Job, Outbox, type OutboxPolicy, type TxSigner } from "./outbox.ts";
import { FakeChain, fakeSigner, MemoryStore, POLICY } from "./testing.ts";

const job = (name: string, once = false): Job => ({
  key: name,
  call: { to: `0x${"bb".repeat(20)}`, data: `0x${Buffer.from(name).toString("hex")}` },
  ...(once ? { once } : {}),
});
const [A, B, C] = [job("a"), job("b"), job("c", true)];

function bench(
  options: { chain?: FakeChain; store?: MemoryStore; signer?: TxSigner; policy?: Partial<OutboxPolicy> } = {},
) {
  const chain = options.chain ?? new FakeChain();
  const store = options.store ?? new MemoryStore();
  const events: KeeperEvent[] = [];
  const outbox = new Outbox({
    chain,
    signer: options.signer ?? fakeSigner,
    store,
    policy: { ...POLICY, ...options.policy },
    log: (event) => events.push(event),
    owner: "31337/0x1/0x2",
  });
  const named = (name: string) => events.filter(({ event }) => event === name);
  /** A tick of the keeper: what is done on chain is not asked for again. */
  const tick = async (jobs: readonly Job[] = []) => {
    const head = chain.head();
    await outbox.settle(head);
    const due = jobs.filter(({ key, call }) => chain.mined(call.data).done === 0 && !outbox.done.has(key));
    return outbox.submit(due, head);
  };
  return { chain, store, outbox, events, named, tick };
}

/** Every transaction that reached the chain: raw bytes by nonce, in order of arrival. */
function sentByNonce(chain: FakeChain): Map<number, string[]> {
  const sent = new Map<number, string[]>();
  for (const [method, raw] of chain.calls) {
    if (method !== "send") continue;
    const { nonce } = JSON.parse(raw as string) as { nonce: number };
    const before = sent.get(nonce) ?? [];
    if (!before.includes(raw as string)) sent.set(nonce, [...before, raw as string]);
  }
  return sent;
}

/** Distinct transactions of one nonce are fee bumps of one call: the same but for fees at least an eighth higher. */
function expectOnlyBumps(chain: FakeChain): void {
  for (const raws of sentByNonce(chain).values()) {
    const requests = raws.map((raw) => JSON.parse(raw) as Record<string, string>);
    for (const [i, request] of requests.entries()) {
      expect(request["data"], "one job a nonce").to.equal(requests[0]!["data"]);
      if (i === 0) continue;
      const fee = (one: Record<string, string>): bigint => BigInt(one["maxFeePerGas"]!.slice(0, -1));
      expect(fee(request) * 8n >= fee(requests[i - 1]!) * 9n, "a replacement pays an eighth more").to.equal(true);
    }
  }
}

describe("Outbox", () => {
  it("stores before it sends, sends in nonce order without waiting, confirms when deep enough", async () => {
    const { chain, store, outbox, named, tick } = bench();
    const order: string[] = [];
    store.after = () => order.push("store");
    chain.fault = (method) => method === "send" && order.push("send");
    await tick([A, B, C]);
    expect(order).to.deep.equal(["store", "send", "send", "send"]);
    expect([...chain.mempool.keys()]).to.deep.equal([0, 1, 2]);
    chain.mine(1);
    await tick([A, B, C]);
    expect(outbox.pending, "one block is not deep enough").to.equal(3);
    chain.mine(2);
    await tick();
    expect(outbox.pending).to.equal(0);
    expect(named("confirmed")).to.have.length(3);
    expect([...outbox.done]).to.deep.equal(["c"]);
    outbox.forget("c");
    expect([...outbox.done]).to.deep.equal([]);
  });

  it("[attack 112] a crash at any step loses nothing and does nothing twice", async () => {
    let crashes = 0;
    for (let at = 0; ; at++) {
      const chain = new FakeChain();
      const store = new MemoryStore();
      let steps = 0;
      let dead = false;
      const step = (): void => {
        if (dead || steps++ === at) {
          dead = true;
          throw new Error("killed");
        }
      };
      const signer: TxSigner = {
        ...fakeSigner,
        sign: async (request) => {
          step();
          const signed = await fakeSigner.sign(request);
          step();
          return signed;
        },
      };
      [chain.fault, chain.afterSend, store.before, store.after] = [step, step, step, step];
      const first = bench({ chain, store, signer, policy: { bumpAfter: 2 } });
      for (let turn = 0; turn < 6 && !dead; turn++) {
        await first.tick([A, B, C]).catch(() => {});
        if (turn !== 1) chain.mine();
      }
      [chain.fault, chain.afterSend, store.before, store.after] = [() => {}, () => {}, () => {}, () => {}];
      // Whether blocks pass while it is down must not matter.
      if (at % 2 === 0) chain.mine(1);
      const second = bench({ chain, store });
      for (let turn = 0; turn < 8; turn++) {
        await second.tick([A, B, C]);
        chain.mine();
      }
      for (const { key, call } of [A, B, C])
        expect(chain.mined(call.data), `job ${key}, killed at step ${at}`).to.deep.equal({ done: 1, reverted: 0 });
      expectOnlyBumps(chain);
      expect(second.outbox.pending).to.equal(0);
      if (!dead) break;
      crashes++;
    }
    expect(crashes, "every step was a point to die at").to.be.greaterThan(30);
  });

  it("[attack 112] kill -9 of the process between decide, sign, store, send and confirm", async () => {
    const folder = mkdtempSync(join(tmpdir(), "mednexus-outbox-"));
    try {
      for (const [i, point] of ["decide", "sign", "store", "send", "confirm"].entries()) {
        const chain = new FakeChain();
        const store = join(folder, point);
        const first = await child(chain, store, point, () => chain.mine(3));
        expect(first, `killed at ${point}`).to.equal("SIGKILL");
        // What a torn write leaves is not read.
        mkdirSync(store, { recursive: true });
        writeFileSync(join(store, "outbox.json.next"), '{"version":1,"ent');
        if (i % 2 === 0) chain.mine(2);
        expect(await child(chain, store, "never", () => chain.mine(3))).to.equal("done");
        expect(chain.mined(A!.call.data), point).to.deep.equal({ done: 1, reverted: 0 });
        const raws = [...sentByNonce(chain).values()];
        expect(raws, `one nonce, one signature, killed at ${point}`).to.have.length(1);
        expect(raws[0]).to.have.length(1);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("[attack 113] somebody else was faster: one simulation, no transaction", async () => {
    const { chain, outbox, tick } = bench();
    chain.byOthers(A.call.data);
    chain.calls = [];
    const outcomes = await outbox.submit([A, C], chain.head());
    expect(outcomes.get("a")).to.deep.equal({ kind: "done" });
    expect(chain.calls.filter(([method, data]) => method === "estimate" && data === A.call.data)).to.have.length(1);
    await tick([A, C]);
    expect(sentByNonce(chain).size).to.equal(1);
    chain.refusals.set("0x78", "NothingToClaim");
    await outbox.submit([{ key: "x", call: { to: A.call.to, data: "0x78" }, once: true }], chain.head());
    expect([...outbox.done], "a claim that others made is remembered").to.deep.equal(["x"]);
  });

  it("[attack 114] a time-out although accepted: sent once, confirmed", async () => {
    const { chain, named, tick } = bench();
    chain.afterSend = () => {
      throw new MedNexusError("RPC_FAILED", "timed out", { retryable: true });
    };
    await tick([A]);
    expect(named("send-unclear")).to.have.length(1);
    chain.afterSend = () => {};
    for (let turn = 0; turn < 5; turn++) {
      chain.mine();
      await tick([A]);
    }
    expect(chain.mined(A.call.data)).to.deep.equal({ done: 1, reverted: 0 });
    expect(sentByNonce(chain).get(0)).to.have.length(1);
  });

  it("[attack 114] a send that got lost: the same bytes again", async () => {
    const { chain, tick } = bench();
    chain.forgetful = true;
    await tick([A]);
    chain.forgetful = false;
    chain.mine();
    await tick([A]);
    expect(chain.calls.filter(([method]) => method === "send")).to.have.length(2);
    expect(sentByNonce(chain).get(0), "one signature").to.have.length(1);
  });

  it("[attack 115] a replacement pays an eighth more of both fees, or what the market asks", async () => {
    const { chain, named, tick } = bench();
    await tick([A]);
    chain.baseFee = 60n;
    chain.tipNow = 3n;
    chain.mine(POLICY.bumpAfter);
    await tick([A]);
    expect(named("fee-bumped")).to.have.length(1);
    expect(named("send-unclear"), "no node calls it underpriced").to.deep.equal([]);
    expectOnlyBumps(chain);
    chain.mine(3);
    await tick([A]);
    expect(chain.mined(A.call.data)).to.deep.equal({ done: 1, reverted: 0 });
  });

  it("[attack 115] a pool that still refuses: bumped again, never stuck", async () => {
    const { chain, named, tick } = bench({ policy: { bumpAfter: 1 } });
    await tick([A]);
    const waiting = chain.mempool.get(0)!;
    const dearer = { ...waiting.request, maxFeePerGas: 40n, maxPriorityFeePerGas: 4n };
    chain.mempool.set(0, { raw: "other", hash: "other", request: dearer });
    for (let turn = 0; turn < 20; turn++) {
      chain.blocks.push([]);
      await tick([A]);
    }
    expect(named("send-unclear").length, "refused at first").to.be.greaterThan(0);
    chain.mine(3);
    await tick([A]);
    expect(named("confirmed")).to.have.length(1);
    expectOnlyBumps(chain);
  });

  it("[attack 116] a missing nonce is filled, by a job or else by an empty transfer", async () => {
    for (const jobs of [[], [B], [B, job("d")]]) {
      const store = new MemoryStore();
      const before = bench({ store });
      before.chain.forgetful = true;
      await before.tick([A, C]);
      const state = store.read<{ entries: { nonce: number }[] }>("outbox")!;
      store.write("outbox", { ...state, entries: state.entries.filter(({ nonce }) => nonce === 1) });
      const { chain, tick } = bench({ store });
      for (let turn = 0; turn < 5; turn++) {
        await tick([C, ...jobs]);
        chain.mine();
      }
      expect(chain.mined(C.call.data)).to.deep.equal({ done: 1, reverted: 0 });
      for (const { call } of jobs)
        expect(chain.mined(call.data), "jobs go around it").to.deep.equal({ done: 1, reverted: 0 });
      expectOnlyBumps(chain);
      expect(chain.mined("0x").done).to.equal(jobs.length === 0 ? 1 : 0);
    }
  });

  it("[attack 117] mined, then reorganised out: noticed and sent again, the same bytes", async () => {
    const { chain, named, outbox, tick } = bench();
    await tick([A]);
    chain.mine(2);
    await tick([A]);
    expect(outbox.pending).to.equal(1);
    chain.reorg(2, true);
    expect(chain.mined(A.call.data).done).to.equal(0);
    chain.mine(1);
    await tick([A]);
    expect(named("reorged-out")).to.have.length(1);
    chain.mine(3);
    await tick([A]);
    expect(chain.mined(A.call.data)).to.deep.equal({ done: 1, reverted: 0 });
    expect(sentByNonce(chain).get(0)).to.have.length(1);
    expect(outbox.pending).to.equal(0);
  });

  it("[attack 118] a 100x fee spike: nothing is signed above the cap, everything after it", async () => {
    const { chain, named, tick } = bench();
    await tick([A]);
    chain.baseFee = 100_000n;
    chain.mine(10);
    await tick([A, B]);
    expect(named("fee-capped").length).to.be.greaterThan(0);
    expect(sentByNonce(chain).size, "B waits").to.equal(1);
    for (const raws of sentByNonce(chain).values())
      for (const raw of raws)
        expect(BigInt(/"maxFeePerGas":"(\d+)n"/.exec(raw)![1]!) <= POLICY.maxFeePerGas).to.equal(true);
    chain.baseFee = 7n;
    chain.mine();
    await tick([A, B]);
    chain.mine(3);
    await tick([A, B]);
    for (const { call } of [A, B]) expect(chain.mined(call.data)).to.deep.equal({ done: 1, reverted: 0 });
  });

  it("[attack 122] a full disk stops it before anything is sent", async () => {
    const { chain, store, outbox, tick } = bench();
    store.before = () => {
      throw new MedNexusError("STATE_WRITE", "disk full", { retryable: true });
    };
    for (let turn = 0; turn < 3; turn++) {
      expect(await tick([A]).catch((error: MedNexusError) => error.code)).to.equal("STATE_WRITE");
      chain.mine();
    }
    expect(sentByNonce(chain).size).to.equal(0);
    expect(outbox.pending, "memory knows no more than the disk").to.equal(0);
    store.before = () => {};
    await tick([A]);
    chain.mine(3);
    await tick([A]);
    expect(chain.mined(A.call.data)).to.deep.equal({ done: 1, reverted: 0 });
  });

  it("[attack 124] a poison job is put aside after its failures and blocks no other, restarts included", async () => {
    const store = new MemoryStore();
    const { chain, named, outbox, tick } = bench({ store });
    chain.refusals.set(A.call.data, "DetailMismatch");
    for (let turn = 0; turn < 40; turn++) {
      await tick([A, job(`other ${turn}`)]);
      chain.mine();
    }
    expect(outbox.quarantined).to.deep.equal(["a"]);
    expect(named("quarantined")).to.have.length(1);
    expect(chain.calls.filter(([method, data]) => method === "estimate" && data === A.call.data)).to.have.length(
      POLICY.maxFailures,
    );
    expect(chain.mined(job("other 39").call.data).done).to.equal(1);
    const again = bench({ chain, store });
    expect((await again.outbox.submit([A], chain.head())).get("a")).to.deep.equal({ kind: "held" });
  });

  it("[attack 124] a call that the node cannot even simulate blocks no other", async () => {
    const { chain, outbox, named, tick } = bench();
    let asked = 0;
    chain.fault = (method) => {
      if (method === "estimate" && asked++ === 0) throw new MedNexusError("RPC_FAILED", "500", { retryable: true });
    };
    const outcomes = await tick([A, B]);
    expect([outcomes.get("a"), outcomes.get("b")]).to.deep.equal([{ kind: "later" }, { kind: "sent" }]);
    expect(named("simulation-failed")).to.have.length(1);
    expect(outbox.quarantined).to.deep.equal([]);
  });

  it("what is only too early costs no failure", async () => {
    const { chain, outbox, tick } = bench();
    chain.refusals.set(A.call.data, "TooEarly");
    for (let turn = 0; turn < 10; turn++) {
      expect((await tick([A])).get("a")).to.deep.equal({ kind: "later" });
      chain.mine();
    }
    chain.refusals.clear();
    expect((await tick([A])).get("a")).to.deep.equal({ kind: "sent" });
    expect(outbox.quarantined).to.deep.equal([]);
  });

  it("the breaker opens after losses in a row, across restarts, and closes again", async () => {
    const store = new MemoryStore();
    const { chain, named, tick } = bench({ store });
    const jobs = [job("x"), job("y"), job("z")];
    await tick(jobs);
    // Another keeper's transactions come first in the same block.
    chain.blocks.push([]);
    for (const { call } of jobs) chain.byOthers(call.data);
    chain.mine(3);
    await tick();
    expect(named("reverted")).to.have.length(3);
    expect(named("breaker-open")).to.have.length(1);
    const again = bench({ chain, store });
    expect((await again.tick([A])).get("a")).to.deep.equal({ kind: "held" });
    chain.mine(POLICY.breakerBlocks);
    expect((await again.tick([A])).get("a")).to.deep.equal({ kind: "sent" });
  });

  it("lets go of a nonce that another transaction of the account took", async () => {
    const { chain, outbox, named, tick } = bench();
    chain.forgetful = true;
    await tick([A]);
    chain.forgetful = false;
    expect(outbox.keyTaken).to.equal(false);
    const foreign = await fakeSigner.sign({
      to: "0x",
      data: "0xff",
      nonce: 0,
      gasLimit: 1n,
      maxFeePerGas: 9n,
      maxPriorityFeePerGas: 1n,
    });
    await chain.send(foreign.raw);
    chain.mine(1);
    for (let turn = 0; turn < 5; turn++) {
      await tick([A]);
      chain.mine();
    }
    expect(named("nonce-taken")).to.have.length(1);
    expect(outbox.keyTaken).to.equal(true);
    chain.mine(3);
    await tick([A]);
    expect(chain.mined(A.call.data)).to.deep.equal({ done: 1, reverted: 0 });
    expect(outbox.pending).to.equal(0);
  });

  it("refuses a folder of another account or deployment", () => {
    const { store } = bench();
    store.write("outbox", { version: 1, owner: "1/0xother" });
    expect(() => bench({ store }))
      .to.throw(MedNexusError)
      .with.property("code", "STATE_OTHER");
  });
});

/** Runs the outbox in a process of its own on this chain; it dies at `point`. "done" when its job is confirmed. */
function child(chain: FakeChain, folder: string, point: string, mine: () => void): Promise<string> {
  const worker = fork(new URL("./outbox.child.ts", import.meta.url), [folder, point], { serialization: "advanced" });
  worker.on("message", ({ id, method, args }: { id: number; method: string; args: unknown[] }) => {
    const answer = (reply: object): void => void (worker.connected && worker.send({ id, ...reply }));
    if (method === "mine") mine();
    if (method === "mine" || method === "head") return answer({ value: chain.head() });
    (chain[method as keyof Chain] as (...all: unknown[]) => Promise<unknown>).apply(chain, args).then(
      (value) => answer({ value }),
      (error: { code: string; errorName?: string }) => answer({ code: error.code, errorName: error.errorName }),
    );
  });
  return new Promise((done) =>
    worker.on("exit", (code, signal) => done(signal ?? (code === 0 ? "done" : `exit ${code}`))),
  );
}
