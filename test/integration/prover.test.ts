/** `mednexus prover run` as a process on a whole deployment, with real proofs: locks, dies, comes back, settles once. */
import { expect } from "chai";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  aggregateHash,
  auditReceipt,
  encodeJobInput,
  encodeModel,
  generateSealKeys,
  infer,
  lift,
  lower,
  parseReceipt,
  randomFr,
  type Receipt,
  sealWeights,
  sendParcel,
} from "@mednexus/sdk";
import { FileStore, LocalStore } from "@mednexus/sdk/node";
import { id as keccakText, type Result, type Wallet } from "ethers";
import { mednexus } from "../e2e/command.ts";
import { altered, auditReader, named } from "../fixtures/audit.ts";
import { GAS, type Job, MODEL } from "../fixtures/market.ts";
import { type Event, ProverTown } from "../fixtures/prover.ts";
import { N, units } from "../fixtures/system.ts";
import { seededInt } from "../vectors/seeded.ts";

describe("A prover of jobs", function () {
  this.timeout(180_000);
  let town: ProverTown;
  let sponsor: Wallet;

  before(async () => {
    town = await ProverTown.start();
    console.log(`      seed ${town.system.seed}`);
    sponsor = await town.system.wallet("sponsor of jobs");
  });

  after(() => town?.stop());

  const stateOf = async (job: bigint) => Number((await town.market.contracts.compute.jobOf(job)).state);
  const [LOCKED, SETTLED] = [2, 4];
  const sent = (prefix: string) => (event: Event) => event.event === "sent" && String(event["job"]).startsWith(prefix);
  const settledEvents = async (job: bigint) => {
    const { compute } = town.market.contracts;
    return compute.queryFilter(compute.filters.JobSettled(job));
  };

  it("[attack 112] killed after its lock it settles the same job, once; a second process on its key is refused", async () => {
    const { market } = town;
    const { wallet, config } = await town.prover("first");
    const input = town.input();
    const job = await town.request(sponsor, input);

    const before = await town.run(config, sent(`j${job.id}/lock/`));
    expect(before.met, JSON.stringify(before.events.slice(-5)) + before.stderr).to.equal(true);
    expect(
      before.events.find(({ event }) => event === "take"),
      "says why",
    ).to.include({ fee: String(units(2)) });
    expect((await market.contracts.compute.jobOf(job.id)).prover).to.equal(wallet.address);

    // Beside the running one no other sends with its key.
    const refused: Event[] = [];
    const after = await town.run(config, async (event) => {
      if (event.event === "prover-started") {
        const second = await mednexus(["prover", "run", "--config", config]);
        expect(second.code).to.equal(1);
        expect(second.stderr).to.match(/^STATE_IN_USE/);
        refused.push(event);
      }
      return event.event === "confirmed" && String(event["job"]).startsWith("settle/");
    });
    expect(after.met, JSON.stringify(after.events.slice(-5)) + after.stderr).to.equal(true);
    expect(refused).to.have.length(1);
    expect(await stateOf(job.id)).to.equal(SETTLED);

    const { compute, receipts } = market.contracts;
    expect(await compute.queryFilter(compute.filters.JobLocked(job.id)), "locked once").to.have.length(1);
    const [settled, ...more] = await settledEvents(job.id);
    expect(more).to.deep.equal([]);
    expect(settled!.args.fee).to.equal(await market.credit(wallet.address));
    // What it proved is what the model says.
    const call = receipts.interface.parseTransaction((await settled!.getTransaction())!)!;
    const { decision, score } = infer(town.vector, input.input);
    expect(lift([call.args[0].output.score as bigint])).to.deep.equal([score]);
    expect(call.args[0].output.decision).to.equal(decision ? 1n : 0n);
    expect(await market.contracts.stake.lockedOf(wallet.address)).to.equal(0n);
    expect([...before.events, ...after.events].filter(({ event }) => event === "reverted")).to.deep.equal([]);
  });

  it("audit: every field and every claim of a settled receipt is recomputed, and one that is altered is found", async () => {
    const { system, market } = town;
    const job = 1n;
    const reader = auditReader(system, town.transport(sponsor));
    const good = await auditReceipt(reader, { job });
    expect(named(good, "failed"), JSON.stringify(good.checks)).to.deep.equal([]);
    expect(named(good, "unchecked")).to.deep.equal(["execution trace", "result"]);
    expect(good.ok).to.equal(true);

    const { receipts } = market.contracts;
    const [settled] = await receipts.queryFilter(receipts.filters.ReceiptSettled(job));
    const receipt = parseReceipt(
      JSON.parse(
        JSON.stringify((settled!.args.receipt as unknown as Result).toObject(), (_, value: unknown) =>
          typeof value === "bigint" ? String(value) : value,
        ),
      ),
    );
    expect((await auditReceipt(reader, { receipt })).ok).to.equal(true);
    for (const field of Object.keys(receipt) as (keyof Receipt)[]) {
      if (field === "job") continue; // it names the receipt: another is not found
      const value = receipt[field];
      const other = typeof value === "bigint" ? value + 1n : `${value.slice(0, -1)}${value.endsWith("0") ? "1" : "0"}`;
      const report = await auditReceipt(reader, { receipt: { ...receipt, [field]: other } });
      expect(named(report, "failed"), field).to.deep.equal(["claim"]);
      expect(report.checks.find(({ name }) => name === "claim")!.detail).to.match(new RegExp(`^${field}: `));
    }
    type Struct = { toObject(): Record<string, unknown> };
    const change = (name: string, by: (value: never) => unknown) => (answer: Struct) => {
      const plain = answer.toObject();
      return { ...plain, [name]: by(plain[name] as never) };
    };
    const event =
      (field: string, by: (value: never) => unknown) => (logs: readonly { eventName: string; args: Struct }[]) =>
        logs.map((log) => {
          const args = log.args.toObject();
          if (!(field in args)) return log;
          return new Proxy(log, {
            get: (target, name) =>
              name === "args"
                ? { ...args, [field]: by(args[field] as never) }
                : (target as unknown as Record<string | symbol, unknown>)[name],
          });
        });
    const more = (value: bigint): bigint => value + 1n;
    const hash = (): string => keccakText("other");
    const wrong = [
      ["batch", altered(reader, "receipts", "rootOf", hash)],
      ["batch", altered(reader, "receipts", "isIncluded", () => false)],
      ["digest", altered(reader, "receipts", "queryFilter", event("digest", hash))],
      ["terms", altered(reader, "compute", "jobOf", change("termsHash", hash))],
      [
        "prover",
        altered(
          reader,
          "compute",
          "jobOf",
          change("prover", () => sponsor.address),
        ),
      ],
      [
        "prover",
        altered(
          reader,
          "compute",
          "jobOf",
          change("state", () => 5n),
        ),
      ],
      ["model root", altered(reader, "versions", "versionOf", change("h", more))],
      ["proof", { ...reader, verify: async () => false }],
      ["proof", { ...reader, published: (_: string, n: number) => reader.published("aggregate", n) }],
      ["fee", altered(reader, "compute", "queryFilter", event("fee", more))],
      ["payments", altered(reader, "inft", "royaltyBpsOf", more)],
      ["payments", altered(reader, "compute", "jobOf", change("protocolFeeBps", more))],
      ["payments", altered(reader, "compute", "queryFilter", event("refund", more))],
    ] as const;
    for (const [check, liar] of wrong) {
      const report = await auditReceipt(liar, { job });
      expect(named(report, "failed"), check).to.include(check);
      expect(report.ok).to.equal(false);
    }

    const where = ["--rpc", town.rpcUrl, "--deployment", join(town.folder, "deployment.json")];
    const said = await mednexus(["audit", "receipt", settled!.args.digest, ...where]);
    expect(said.code, said.stderr).to.equal(0);
    expect(said.stdout)
      .to.match(/proof +ok/)
      .and.to.match(/execution trace +could not be checked/);
    const file = join(town.folder, "receipt.json");
    const json = (value: object) => JSON.stringify(value, (_, v: unknown) => (typeof v === "bigint" ? String(v) : v));
    writeFileSync(file, json({ ...receipt, endedAt: receipt.endedAt + 1n }));
    const lie = await mednexus(["audit", "receipt", file, ...where, "--json"]);
    expect(lie.code, lie.stderr).to.equal(1);
    expect(JSON.parse(lie.stdout)).to.include({ ok: false });
    expect((await mednexus(["audit", "receipt", "nonsense", ...where])).code).to.equal(2);
  });

  it("a private input comes after the lock, is acknowledged once proved, settled, and collected; a job for others is left and says why", async () => {
    const { market } = town;
    const { wallet, config } = await town.prover("second", { collectFrom: 1 });
    const list = [wallet.address];
    const secret = town.input();
    const privately = await town.request(sponsor, secret, { privateInput: true, ackWindow: 600n, provers: list });
    const foreign = await town.request(sponsor, town.input(), { provers: [sponsor.address] });
    const chain = {
      deployment: town.system.deployment,
      contracts: market.contracts,
      transport: town.transport(sponsor),
    };
    const order: string[] = [];
    const run = await town.run(config, async (event) => {
      if (event.event === "sent")
        order.push(
          String(event["job"])
            .replace(/^j\d+\/|[/.\d].*$/g, "")
            .split("/")[0]!,
        );
      if (sent(`j${privately.id}/lock/`)(event))
        expect(await sendParcel(chain, sponsor.address, privately.id, "input", encodeJobInput(secret))).to.equal(
          wallet.address,
        );
      return event.event === "confirmed" && event["job"] === "collect";
    });
    expect(run.met, JSON.stringify(run.events.slice(-5)) + run.stderr).to.equal(true);
    expect(order).to.deep.equal(["lock", "acknowledge", "settle", "collect"]);
    expect(await stateOf(privately.id)).to.equal(SETTLED);
    const left = run.events.find(({ event, job }) => event === "leave" && job === String(foreign.id));
    expect(left!["reason"]).to.match(/accepts other provers only/);
    const [settled] = await settledEvents(privately.id);
    const token = await town.system.token();
    expect(await token.balanceOf!(wallet.address)).to.equal(settled!.args.fee);
    // Neither input nor salt in what it says.
    const said = JSON.stringify(run.events);
    expect(said).to.not.include(String(secret.salt));
    expect(run.events.filter(({ event }) => event === "proved")).to.have.length(1);
  });

  it("settles in one batch what waited out a fee spike; one bad receipt in it blocks no other, and goes no further", async () => {
    const { market } = town;
    const { receipts } = market.contracts;
    const { networkHelpers } = town.system.connection;
    const { wallet, config } = await town.prover("batching");
    const list = [wallet.address];
    const inputs = [town.input(), town.input(), town.input()];
    const jobs: Job[] = [];
    for (const input of inputs)
      jobs.push(await town.request(sponsor, input, { privateInput: true, ackWindow: 1_200n, provers: list }));
    const bad = jobs[1]!.id;
    const store = new FileStore(join(dirname(config), "state"));
    const chain = {
      deployment: town.system.deployment,
      contracts: market.contracts,
      transport: town.transport(sponsor),
    };
    const seen = { lock: 0, proved: 0 };
    const run = await town.run(config, async ({ event, job }) => {
      if (event === "confirmed" && String(job).includes("/lock/") && ++seen.lock === jobs.length) {
        // Nothing is sent at this price; the inputs come, and the proofs pile up.
        await networkHelpers.setNextBlockBaseFeePerGas(10n ** 12n);
        await town.system.mine(1);
        for (const [i, { id }] of jobs.entries())
          await sendParcel(chain, sponsor.address, id, "input", encodeJobInput(inputs[i]!));
      }
      if (event === "proved" && ++seen.proved === jobs.length) {
        type Kept = { item: { output: { proof: { a: unknown; c: unknown } } } };
        const kept = store.read<Kept>(`job-${bad}`)!;
        kept.item.output.proof.a = kept.item.output.proof.c;
        store.write(`job-${bad}`, kept);
        await networkHelpers.setNextBlockBaseFeePerGas(10n ** 9n);
        await town.system.mine(1);
      }
      return event === "refused" && String(job).startsWith(`settle/${bad}.`);
    });
    expect(run.met, JSON.stringify(run.events.slice(-9)) + run.stderr).to.equal(true);
    expect(run.events.some(({ event }) => event === "fee-capped")).to.equal(true);
    expect(run.events.at(-1)!["reason"], "alone its simulation says why").to.equal("REVERT_ProofRejected");
    const settlements = run.events.filter(sent("settle/")).map(({ job }) => String(job));
    expect(settlements, "one transaction").to.have.length(1);
    expect(settlements[0]!.match(/\d+(?=\.)/g)).to.deep.equal(jobs.map(({ id }) => String(id)));

    const good = jobs.filter(({ id }) => id !== bad);
    for (const { id } of good) expect(await stateOf(id)).to.equal(SETTLED);
    expect(await stateOf(bad), "it still has its lock's time").to.equal(LOCKED);
    const [refused, ...others] = await receipts.queryFilter(receipts.filters.ReceiptRefused(bad));
    expect(others).to.deep.equal([]);
    expect(refused!.args.reason).to.equal(receipts.interface.getError("ProofRejected")!.selector);
    let earned = 0n;
    for (const { id } of good) {
      const [settled] = await settledEvents(id);
      expect(settled!.transactionHash).to.equal(refused!.transactionHash);
      earned += settled!.args.fee;
      const report = await auditReceipt(auditReader(town.system), { job: id });
      expect(named(report, "failed"), JSON.stringify(report.checks)).to.deep.equal([]);
      expect(report.checks.find(({ name }) => name === "batch")!.detail).to.equal(`one of 2 in batch ${good[0]!.id}`);
    }
    expect(await market.credit(wallet.address)).to.equal(earned);
    expect(await market.contracts.stake.lockedOf(wallet.address), "of the one that is left").to.equal(units(50));
  });

  it("a private input under sealed weights: left until the model admits this prover, then both come sealed to it alone", async () => {
    const { market, system } = town;
    const { random, deployment } = system;
    const { wallet, config } = await town.prover("authorised");
    const owner = await system.wallet("owner of the sealed model");
    const vector = [
      ...lower(Array.from({ length: N }, () => seededInt(random, -(1n << 30n), 1n << 30n))),
      ...Array.from({ length: 4 }, () => randomFr(random)),
    ];
    const model = await market.model(owner, { root: aggregateHash(vector) });
    await sealWeights(
      { contracts: market.as(owner), deployment, store: new LocalStore(join(town.folder, "store")), random },
      { model: model.id, vector, holder: generateSealKeys(random).publicKey },
    );
    const offer = await market.offer(owner, { asset: MODEL, assetId: model.id });
    const modelLicense = await market.buy(sponsor, offer, 1n);
    const secret = town.input();
    const job = await town.request(sponsor, secret, {
      model: model.id,
      modelRoot: model.root,
      modelLicense,
      sealedWeights: true,
      privateInput: true,
      ackWindow: 1_200n,
      provers: [wallet.address],
    });
    const parcels = (from: Wallet, kind: "input" | "weights", content: Uint8Array) =>
      sendParcel(
        { deployment, contracts: market.contracts, transport: town.transport(from) },
        from.address,
        job.id,
        kind,
        content,
      );
    const order: string[] = [];
    const run = await town.run(config, async (event) => {
      const name = String(event["job"]);
      if (event.event === "leave" && event["job"] === String(job.id) && order.length === 0) {
        order.push("left");
        expect(event["reason"]).to.match(/sealed weights, and the model does not admit this prover/);
        await market.done(market.as(owner).inft.authorizeUsage(model.id, wallet.address, GAS));
      }
      if (event.event === "sent") order.push(/^(?:j\d+\/)?([a-z]+)/.exec(name)![1]!);
      if (event.event === "proved") order.push("proved");
      if (sent(`j${job.id}/lock/`)(event)) {
        expect(await parcels(owner, "weights", encodeModel(vector))).to.equal(wallet.address);
        expect(await parcels(sponsor, "input", encodeJobInput(secret))).to.equal(wallet.address);
      }
      return event.event === "confirmed" && name.startsWith(`settle/${job.id}.`);
    });
    expect(run.met, JSON.stringify(run.events.slice(-9)) + run.stderr).to.equal(true);
    expect(order.slice(order.indexOf("lock"))).to.deep.equal(["lock", "proved", "acknowledge", "settle"]);
    expect(order[0]).to.equal("left");
    expect(await stateOf(job.id)).to.equal(SETTLED);
    const [settled] = await settledEvents(job.id);
    const call = market.contracts.receipts.interface.parseTransaction((await settled!.getTransaction())!)!;
    const { decision, score } = infer(vector, secret.input);
    expect(lift([call.args[0].output.score as bigint])).to.deep.equal([score]);
    expect(call.args[0].output.decision).to.equal(decision ? 1n : 0n);
    // Neither weights nor input in what it says, on its disk, or readable on the relay's side.
    const home = dirname(config);
    const written = readdirSync(home, { recursive: true, encoding: "utf8" })
      .map((name) => join(home, name))
      .filter((path) => statSync(path).isFile())
      .map((path) => readFileSync(path, "latin1"));
    for (const secretWord of [vector[N]!, secret.salt])
      for (const text of [JSON.stringify(run.events), run.stderr, ...written]) {
        expect(text).to.not.include(String(secretWord));
        expect(text).to.not.include(secretWord.toString(16));
      }
  });

  it("[attack 124] an input that is not what was committed to is given up before anything is at stake, and never retried", async () => {
    const { wallet, config } = await town.prover("third", { limits: { withheldInputs: 1 } });
    const job = await town.request(sponsor, town.input(), {
      privateInput: true,
      ackWindow: 600n,
      provers: [wallet.address],
    });
    const chain = {
      deployment: town.system.deployment,
      contracts: town.market.contracts,
      transport: town.transport(sponsor),
    };
    let abandoned = false;
    const run = await town.run(config, async (event) => {
      if (sent(`j${job.id}/lock/`)(event))
        await sendParcel(chain, sponsor.address, job.id, "input", encodeJobInput(town.input()));
      abandoned ||= event.event === "confirmed" && String(event["job"]).includes("/abandon/");
      return abandoned && event.event === "leave" && /no input for 1 locks/.test(String(event["reason"]));
    });
    expect(run.met, JSON.stringify(run.events.slice(-5)) + run.stderr).to.equal(true);
    expect(run.events.filter(sent(`j${job.id}/lock/`))).to.have.length(1);
    expect(await town.market.contracts.stake.activeOf(wallet.address)).to.equal(units(1_000));
    expect(await town.market.contracts.stake.lockedOf(wallet.address)).to.equal(0n);
  });

  it("stakes, shows where it stands, unstakes and withdraws after the time of unbonding", async () => {
    const { wallet, config } = await town.prover("fourth");
    await town.system.fund(wallet, units(30));
    const command = async (...args: string[]) => {
      const { code, stdout, stderr } = await mednexus(["prover", ...args, "--config", config, "--json"]);
      expect(code, stderr).to.equal(0);
      return JSON.parse(stdout) as Record<string, unknown>;
    };
    await command("stake", String(units(30)));
    await command("unstake", String(units(20)));
    const status = await command("status");
    expect(status).to.include({
      free: String(units(1_010)),
      unbonding: String(units(20)),
      locked: "0",
      suspended: false,
    });
    expect(status["jobs"]).to.deep.equal([]);
    expect((status["unbondings"] as object[]).length).to.equal(1);
    expect(await command("withdraw")).to.deep.include({ unbonded: [], withdrawn: "0" });
    await town.system.pass(22n * 86_400n);
    expect(await command("withdraw")).to.deep.include({ unbonded: [String(units(20))], withdrawn: String(units(20)) });
    const bad = await mednexus(["prover", "stake", "-1", "--config", config]);
    expect(bad.code).to.equal(2);
  });

  it("the model in use has the size of the circuit", () => expect(town.vector).to.have.length(N + 4));
});
