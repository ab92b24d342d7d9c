import { expect } from "chai";
import { id as keccakText, toBeHex, ZeroAddress, ZeroHash } from "ethers";
import type { JobTerms } from "@mednexus/sdk";
import { headAt } from "../testing.ts";
import { proverConfigSchema } from "./config.ts";
import { decide, type Decision, type Knowledge, type Policy, type Work } from "./decide.ts";
import type { JobSnapshot, JobView, ProverView } from "./snapshot.ts";

const SELF = toBeHex(1, 20);
const OTHER = toBeHex(2, 20);
const SPONSOR = `0x${"ab".repeat(20)}`;
const NOW = 10_000;

const terms: JobTerms = {
  kind: keccakText("inference"),
  sponsor: SPONSOR,
  model: 1n,
  modelVersion: 0,
  modelRoot: 5n,
  verifier: 3,
  modelLicense: 0n,
  dataset: 0n,
  datasetVersion: 0,
  datasetLicense: 0n,
  purpose: {
    permission: 0,
    modifiers: 0n,
    disease: ZeroHash,
    region: ZeroHash,
    project: ZeroHash,
    user: ZeroAddress,
  } as never,
  inputCommitment: 7n,
  privateInput: false,
  sealedWeights: false,
  feeMin: 1_000_000n,
  feeMax: 10_000_000n,
  collateral: 50_000_000n,
  ramp: 3_600,
  ackWindow: 0,
  lockWindow: 600,
  challengeWindow: 0,
  deadline: BigInt(NOW + 5_000),
  provers: [],
  attesters: [],
};

type Change = Partial<Omit<JobView, "terms">> & { readonly terms?: Partial<JobTerms> };
const job = (id: bigint, change: Change = {}): JobView => ({
  id,
  termsHash: ZeroHash,
  inputUri: "",
  n: 128,
  state: "Open",
  prover: ZeroAddress,
  acknowledged: false,
  lockedAt: 0,
  until: 0,
  rampStart: NOW - 100,
  fee: 2_000_000n,
  collected: 0n,
  consentEpoch: 0n,
  refused: 0,
  ...change,
  terms: { ...terms, ...change.terms },
});
const locked = (id: bigint, change: Change = {}): JobView =>
  job(id, { state: "Locked", prover: SELF, acknowledged: true, lockedAt: NOW - 50, until: NOW + 550, ...change });
const self: ProverView = {
  address: SELF,
  free: 1_000_000_000n,
  locked: 0n,
  unbonding: 0n,
  misses: 0,
  suspended: false,
  credit: 0n,
};
const base = (jobs: readonly JobView[], change: Partial<JobSnapshot> = {}): JobSnapshot => ({
  head: headAt(NOW, 100, 7n),
  self,
  jobs,
  losses: [],
  withheld: new Map(),
  ...change,
});
const file = { rpcUrl: "http://x", relayUrl: "http://x", deployment: "d", dataDir: "d", keyFile: "k" };
const policyOf = (change: object = {}): Policy => proverConfigSchema.parse({ ...file, ...change });
const policy = policyOf({ timing: { provingSeconds: 10, margin: 2, deliverySeconds: 60 } });
const HELD: Work = { kind: "held" };
const proved = (one: JobView): Work => ({ kind: "proved", lockedAt: one.lockedAt });
const knowing = (work: [bigint, Work][] = [], change: Partial<Knowledge> = {}): Knowledge => ({
  work: new Map(work),
  onTheirWay: new Set(),
  quarantined: new Set(),
  provingSeconds: () => 10,
  ...change,
});
const kinds = ({ actions }: Decision): string[] =>
  actions.map((action) =>
    action.kind === "settle"
      ? `settle ${action.jobs.join()}`
      : `${action.kind} ${"job" in action ? action.job : ""}`.trim(),
  );
const why = ({ verdicts }: Decision): string => verdicts.map(({ reasons }) => reasons.join("; ")).join(" | ");

describe("Which jobs a prover locks", () => {
  it("fetches first, locks only what it has in hand, and names each lock by the ramp that it was offered at", () => {
    const first = decide(base([job(1n)]), knowing(), policy);
    expect(kinds(first)).to.deep.equal(["prepare 1"]);
    expect(why(first)).to.equal("waits for its input and weights");
    const then = decide(base([job(1n)]), knowing([[1n, HELD]]), policy);
    expect(then.actions).to.deep.equal([{ kind: "lock", key: `j1/lock/${NOW - 100}`, job: 1n }]);
    expect(then.verdicts[0]).to.include({ take: true });
  });

  it("reckons fee and collected collateral against gas at a margin and a share of the collateral, both rounded up", () => {
    const rich = policyOf({
      economics: { tokenPerEther: String(10n ** 18n), lockGas: 100, settleGas: 200, riskBps: 50 },
    });
    const snapshot = base([job(1n, { collected: 500n })], { head: headAt(NOW, 100, 7n) });
    const [verdict] = decide(snapshot, knowing([[1n, HELD]]), rich).verdicts;
    // 300 gas at ⌈7·1.5⌉ = 11; 50,000,000 · 0.5 %
    expect(verdict!.estimate).to.deep.include({ fee: 2_000_000n, gas: 3_300n, risk: 250_000n });
    expect(verdict!.estimate.profit).to.equal(2_000_000n + 500n - 3_300n - 250_000n);
    const acked = base([job(1n, { terms: { ackWindow: 600, privateInput: true, provers: [SELF] } })]);
    expect(decide(acked, knowing(), rich).verdicts[0]!.estimate.gas, "an acknowledgement costs gas, too").to.equal(
      11n * (300n + 80_000n),
    );
  });

  const dear = (baseFee: bigint) => ({ head: headAt(NOW, 100, baseFee) });
  const cases: readonly {
    readonly what: string;
    readonly says: RegExp;
    readonly job?: Change;
    readonly snapshot?: Partial<JobSnapshot>;
    readonly known?: Partial<Knowledge>;
    readonly work?: Work;
    readonly policy?: object;
  }[] = [
    {
      what: "unprofitable by its fee",
      says: /^unprofitable: 1750000 /,
      policy: { economics: { minProfit: 1_750_001 } },
    },
    {
      what: "[attack 118] unprofitable at a hundred times the gas price",
      says: /^unprofitable: -/,
      snapshot: dear(100_000_000_000n),
      policy: { economics: { tokenPerEther: 3_000_000_000 } },
    },
    {
      what: "[attack 118] gas above the cap, whatever it would bring",
      says: /^gas costs 200000000001 wei/,
      snapshot: dear(200_000_000_001n),
    },
    { what: "too slow", says: /^too slow: about 660 s of the 600 s/, known: { provingSeconds: () => 300 } },
    {
      what: "too slow for the acknowledgement's window, since it proves before it",
      says: /^too slow: about 80 s of the 79 s/,
      job: { terms: { ackWindow: 79, privateInput: true, provers: [SELF] } },
    },
    { what: "for others only", says: /accepts other provers only/, job: { terms: { provers: [OTHER] } } },
    { what: "sealed without right", says: /does not admit this prover/, job: { refusal: "ProverNotAuthorised" } },
    { what: "consent revoked", says: /^a lock would be refused: ConsentRefused/, job: { refusal: "ConsentRefused" } },
    { what: "paused", says: /^locks are paused/, job: { refusal: "EntriesPaused" } },
    { what: "verifier retired", says: /verifier is retired/, job: { refusal: "VerifierNotLive" } },
    { what: "too late", says: /^too late/, job: { terms: { deadline: BigInt(NOW + 599) } } },
    { what: "suspended", says: /^this prover is suspended/, snapshot: { self: { ...self, suspended: true } } },
    {
      what: "too little stake",
      says: /^needs 50000000 of free stake, 49999999 are free/,
      snapshot: { self: { ...self, free: 49_999_999n } },
    },
    {
      what: "more at risk than allowed",
      says: /^more collateral at risk/,
      policy: { limits: { collateral: 49_999_999 } },
    },
    {
      what: "[attack 124] poison: its input can never be proved",
      says: /^unusable: WRONG_INPUT/,
      work: { kind: "bad", reason: "unusable: WRONG_INPUT" },
    },
    {
      what: "its lock failed too often",
      says: /failed too often/,
      known: { quarantined: new Set([`j1/lock/${NOW - 100}`]) },
    },
    {
      what: "[attack 163] a sponsor that brings no inputs",
      says: /brought no input for 2 locks/,
      snapshot: { withheld: new Map([[SPONSOR, [90, 95]]]) },
    },
    { what: "breaker open", says: /^circuit breaker open until block 7290/, snapshot: { losses: [90, 95, 99] } },
  ];
  for (const one of cases)
    it(`leaves, and says why: ${one.what}`, () => {
      const snapshot = base([job(1n, one.job)], one.snapshot);
      const with_ = knowing([[1n, one.work ?? HELD]], one.known);
      const decision = decide(snapshot, with_, { ...policy, ...(one.policy && subset(one.policy)) });
      expect(kinds(decision)).to.deep.equal([]);
      expect(why(decision)).to.match(one.says);
      // Without the one thing that is wrong it is taken: nothing else kept it from the lock.
      expect(kinds(decide(base([job(1n)]), knowing([[1n, HELD]]), policy))).to.deep.equal(["lock 1"]);
    });

  function subset(change: object): Partial<Policy> {
    const full = policyOf(change);
    return Object.fromEntries(Object.keys(change).map((key) => [key, full[key as keyof Policy]]));
  }

  it("the breaker counts losses within its blocks only, and closes by itself", () => {
    const at = (number: number, losses: number[]) =>
      decide(base([job(1n)], { head: headAt(NOW, number), losses }), knowing([[1n, HELD]]), policy);
    expect(kinds(at(100, [98, 99])), "two of three").to.deep.equal(["lock 1"]);
    expect(at(7_289, [90, 95, 99]).breakerUntil).to.equal(7_290);
    expect(at(7_290, [90, 95, 99]).breakerUntil, "the first is past").to.equal(undefined);
    expect(at(7_291, [90, 95, 99, 101]).breakerUntil, "three of four are left").to.equal(7_295);
  });

  it("takes the most profitable first, and no more than stake, collateral and slots bear, those on their way included", () => {
    const jobs = [job(1n), job(2n, { fee: 9_000_000n }), job(3n, { fee: 5_000_000n })];
    const held: [bigint, Work][] = [1n, 2n, 3n].map((id) => [id, HELD]);
    const free = (amount: bigint) => base(jobs, { self: { ...self, free: amount } });
    expect(kinds(decide(base(jobs), knowing(held), policy))).to.deep.equal(["lock 2", "lock 3", "lock 1"]);
    expect(kinds(decide(free(100_000_000n), knowing(held), policy))).to.deep.equal(["lock 2", "lock 3"]);
    const way = { onTheirWay: new Set([`j2/lock/${NOW - 100}`]) };
    expect(kinds(decide(free(100_000_000n), knowing(held, way), policy)), "2 is spoken for").to.deep.equal(["lock 3"]);
    expect(kinds(decide(base(jobs), knowing(held), { ...policy, ...subset({ limits: { locks: 1 } }) }))).to.deep.equal([
      "lock 2",
    ]);
    // Each proof ahead in the queue takes its time: 20 s each and 60 for delivery.
    const tight = jobs.map((one) => ({ ...one, terms: { ...one.terms, lockWindow: 100 } }));
    expect(kinds(decide(base(tight), knowing(held), policy))).to.deep.equal(["lock 2", "lock 3"]);
  });

  it("takes over a lock of another that has expired, with what was collected", () => {
    const expired = locked(1n, { prover: OTHER, until: NOW - 1, collected: 40n });
    expect(kinds(decide(base([expired]), knowing([[1n, HELD]]), policy))).to.deep.equal(["lock 1"]);
  });
});

describe("What is due for a locked job", () => {
  it("proves, then settles; a receipt of another lock does not count", () => {
    const one = locked(1n);
    expect(kinds(decide(base([one]), knowing(), policy))).to.deep.equal(["prove 1"]);
    expect(kinds(decide(base([one]), knowing([[1n, proved(one)]]), policy))).to.deep.equal(["settle 1"]);
    const stale = knowing([[1n, { kind: "proved", lockedAt: one.lockedAt - 1 }]]);
    expect(kinds(decide(base([one]), stale, policy))).to.deep.equal(["prove 1"]);
  });

  it("acknowledges only what is proved; gives up unblamed what cannot be, and what never came", () => {
    const waiting = locked(1n, { acknowledged: false, terms: { ackWindow: 600, privateInput: true } });
    expect(kinds(decide(base([waiting]), knowing(), policy))).to.deep.equal(["prove 1"]);
    expect(kinds(decide(base([waiting]), knowing([[1n, HELD]]), policy))).to.deep.equal(["prove 1"]);
    expect(kinds(decide(base([waiting]), knowing([[1n, proved(waiting)]]), policy))).to.deep.equal(["acknowledge 1"]);
    const poison: Work = { kind: "bad", reason: "unusable: WRONG_INPUT" };
    expect(kinds(decide(base([waiting]), knowing([[1n, poison]]), policy)), "[attack 124]").to.deep.equal([
      "abandon 1",
    ]);
    const never = { ...waiting, until: NOW - 1 };
    expect(kinds(decide(base([never]), knowing(), policy)), "[attack 163]").to.deep.equal(["abandon 1"]);
  });

  it("[attack 124] a poisoned job that is acknowledged is left alone, and holds up no other", () => {
    const [poisoned, good] = [locked(1n), locked(2n)];
    const decision = decide(
      base([poisoned, good]),
      knowing([
        [1n, { kind: "bad", reason: "3 attempts at its proof failed" }],
        [2n, proved(good)],
      ]),
      policy,
    );
    expect(kinds(decision)).to.deep.equal(["settle 2"]);
  });

  it("settles up to eight at once, each in one transaction only; what a batch has refused goes alone; nothing after its window", () => {
    const jobs = Array.from({ length: 10 }, (_, i) => locked(BigInt(i + 1)));
    const all = knowing(jobs.map((one): [bigint, Work] => [one.id, proved(one)]));
    expect(kinds(decide(base(jobs), all, policy))).to.deep.equal(["settle 1,2,3,4,5,6,7,8", "settle 9,10"]);
    const sent = { ...all, onTheirWay: new Set([`settle/1.${NOW - 50}/3.${NOW - 50}`]) };
    expect(kinds(decide(base(jobs.slice(0, 4)), sent, policy))).to.deep.equal(["settle 2,4"]);
    const refused = [locked(1n), locked(2n, { refused: 1 }), locked(3n)];
    expect(kinds(decide(base(refused), all, policy))).to.deep.equal(["settle 2", "settle 1,3"]);
    expect(kinds(decide(base([locked(1n, { until: NOW - 1 })]), all, policy))).to.not.include("settle 1");
  });

  it("collects credits from a threshold on, once at a time", () => {
    const rich = base([], { self: { ...self, credit: 5n } });
    const from = (collectFrom: number) => ({ ...policy, ...subset({ collectFrom }) });
    const subset = (change: object) => ({ collectFrom: policyOf(change).collectFrom });
    expect(kinds(decide(rich, knowing(), from(5)))).to.deep.equal(["collect"]);
    expect(kinds(decide(rich, knowing(), from(6)))).to.deep.equal([]);
    expect(kinds(decide(rich, knowing(), from(0)))).to.deep.equal([]);
    expect(kinds(decide(rich, knowing([], { onTheirWay: new Set(["collect"]) }), from(5)))).to.deep.equal([]);
  });
});
