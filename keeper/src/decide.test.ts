import { expect } from "chai";
import { type Action, decide, isOver, type Knowledge, MAX_BATCH, type Roles } from "./decide.ts";
import type { CampaignView, RoundSnapshot } from "./snapshot.ts";
import { campaignOf, headAt, keyOf, roundIn } from "./testing.ts";

const KEEPER: Roles = { keeper: true, prover: false, claims: false };
const PROVER: Roles = { keeper: false, prover: true, claims: false };
const CLAIMS: Roles = { keeper: false, prover: false, claims: true };
const NOTHING: Knowledge = { done: new Set(), rejected: [], proofs: new Map(), openFrom: 0 };
const SET = roundIn("Frozen").frozen!.setHash;
const proof = (pays: boolean, setHash = SET): Knowledge => ({ ...NOTHING, proofs: new Map([[7n, { setHash, pays }]]) });

function due(
  what: { campaign?: CampaignView; round?: RoundSnapshot; at?: number; block?: number },
  roles: Roles = KEEPER,
  known: Knowledge = NOTHING,
): Action[] {
  return decide(
    {
      head: headAt(what.at ?? 1_000, what.block),
      campaigns: what.campaign === undefined ? [] : [what.campaign],
      rounds: what.round === undefined ? [] : [what.round],
    },
    roles,
    known,
  );
}

const kinds = (actions: readonly Action[]): string[] => actions.map(({ kind }) => kind);

describe("decide", () => {
  const campaigns: [string, Partial<CampaignView>, string[]][] = [
    ["ready for a round", {}, ["openRound"]],
    ["with a live round", { liveRound: 7n }, []],
    ["over", { live: false }, []],
    ["without rounds left", { roundsLeft: 0 }, ["endCampaign"]],
    ["whose last round is live", { roundsLeft: 0, liveRound: 7n }, []],
    ["with too few members", { members: 2 }, []],
    ["with too small a pool", { pool: 2 }, []],
    ["of a pair that has not agreed", { pairAgreed: false }, []],
    ["with a retired verifier", { verifiersLive: false }, []],
    ["while entries are paused", { entriesPausedUntil: 1_001 }, []],
    ["as the pause ends", { entriesPausedUntil: 1_000 }, ["openRound"]],
  ];
  for (const [what, change, expected] of campaigns)
    it(`campaign ${what}: ${expected.join(", ") || "nothing"}`, () => {
      expect(kinds(due({ campaign: campaignOf(change) }))).to.deep.equal(expected);
    });

  it("opens no round below the number of members the operator wants", () => {
    expect(due({ campaign: campaignOf() }, KEEPER, { ...NOTHING, openFrom: 4 })).to.deep.equal([]);
  });

  const unverified = [{}, { verified: false }, { verified: false }];
  const rounds: [string, RoundSnapshot, { at?: number; block?: number }, string[]][] = [
    ["Open before the draw block", roundIn("Open"), { block: 99 }, []],
    ["Open at the draw block (the next one draws)", roundIn("Open"), { block: 100 }, ["draw"]],
    ["Open with a named committee", roundIn("Open", { drawDelay: 0, view: { drawBlock: 1_000 } }), {}, ["draw"]],
    ["Open past the draw window", roundIn("Open", { deadReason: "undrawn" }), {}, ["fail"]],
    ["Commit, all submitted and verified: over in the next block", roundIn("Commit"), {}, []],
    ["Commit, one to come", roundIn("Commit", { members: 4 }), { at: 2_000 }, []],
    ["Commit, one to come, a second after the end", roundIn("Commit", { members: 4 }), { at: 2_001 }, ["endCommit"]],
    ["Commit, batched, all in", roundIn("Commit", { updates: unverified }), {}, ["verifyBatch"]],
    [
      "Commit, batched, one to come",
      roundIn("Commit", { members: 4, updates: unverified, view: { eager: false } }),
      {},
      [],
    ],
    ["Commit, dead", roundIn("Commit", { deadReason: "participants" }), { at: 2_001 }, ["fail"]],
    ["Share, nodes still looking", roundIn("Share"), { at: 3_100 }, []],
    ["Share, a second after the complaint window", roundIn("Share"), { at: 3_101 }, ["freeze"]],
    ["Share, all acknowledged", roundIn("Share", { view: { acks: 3 } }), {}, ["freeze"]],
    [
      "Share, all acknowledged, a complaint open",
      roundIn("Share", { view: { acks: 3, openComplaints: 1 } }),
      { at: 9_000 },
      [],
    ],
    [
      "Share, unverified past the window",
      roundIn("Share", { updates: unverified, view: { eager: false } }),
      { at: 3_101 },
      ["verifyBatch"],
    ],
    ["Share, dead", roundIn("Share", { deadReason: "unfrozen" }), { at: 9_000 }, ["fail"]],
    [
      "Share, dead but with a complaint open",
      roundIn("Share", { deadReason: "verifier", view: { openComplaints: 1 } }),
      {},
      [],
    ],
    ["Frozen, sums to come", roundIn("Frozen"), { at: 4_100 }, []],
    ["Frozen, sums missing", roundIn("Frozen"), { at: 4_101 }, ["fail"]],
    [
      "Frozen, sums missing, a demand open",
      roundIn("Frozen", { openDemands: 1, demands: [{ nodeIndex: 0, answerUntil: 5_000 }] }),
      { at: 5_000 },
      [],
    ],
    [
      "Frozen, a demand unanswered",
      roundIn("Frozen", { openDemands: 1, demands: [{ nodeIndex: 0, answerUntil: 5_000 }] }),
      { at: 5_001 },
      ["faultSum"],
    ],
    ["Summed training", roundIn("Summed", { sums: { standing: 2, summedAt: 5_000, final: true } }), { at: 6_000 }, []],
    [
      "Summed training, nobody proved in time",
      roundIn("Summed", { sums: { standing: 2, summedAt: 5_000, final: true } }),
      { at: 6_001 },
      ["closeUnproven"],
    ],
    [
      "Summed training, verifier retired, sums final",
      roundIn("Summed", { aggregateLive: false, sums: { standing: 2, summedAt: 5_000, final: true } }),
      { at: 5_101 },
      ["closeUnproven"],
    ],
    [
      "Summed training, verifier retired, sums not final",
      roundIn("Summed", { aggregateLive: false }),
      { at: 5_050 },
      [],
    ],
    [
      "Summed statistics, sums final",
      roundIn("Summed", { view: { kind: "statistics" }, sums: { standing: 2, summedAt: 5_000, final: true } }),
      { at: 5_101 },
      ["completeStatistics"],
    ],
    ["Summed statistics, sums not final", roundIn("Summed", { view: { kind: "statistics" } }), { at: 5_050 }, []],
    [
      "Finalized, a demand unanswered",
      roundIn("Finalized", { openDemands: 1, demands: [{ nodeIndex: 2, answerUntil: 5_000 }] }),
      { at: 5_001 },
      ["faultSum"],
    ],
    ["Finalized", roundIn("Finalized"), { at: 9_000 }, []],
    ["Closed", roundIn("Closed"), { at: 9_000 }, []],
    ["FailedEarly", roundIn("FailedEarly"), { at: 9_000 }, []],
    ["FailedSums", roundIn("FailedSums"), { at: 9_000 }, []],
  ];
  for (const [what, made, when, expected] of rounds)
    it(`round ${what}: ${expected.join(", ") || "nothing"}`, () => {
      const round = what.includes("batched") ? { ...made, view: { ...made.view, eager: false } } : made;
      expect(kinds(due({ round, ...when }))).to.deep.equal(expected);
    });

  it("a re-armed draw is another effect, the same draw is not", () => {
    const at = (drawBlock: number) => due({ round: roundIn("Open", { view: { drawBlock } }), block: 900 })[0]!.key;
    expect(at(100)).to.equal(at(100));
    expect(at(100)).to.not.equal(at(400));
  });

  const stages: [string, Partial<{ missing: string; bad: string }>, number][] = [
    ["missing, unanswered", { missing: "Claimed" }, 3_200],
    ["missing, answered", { missing: "Answered" }, 3_300],
    ["bad, no key", { bad: "Claimed" }, 3_300],
    ["bad, not evaluated", { bad: "Revealed" }, 3_300],
    ["bad, undefended", { bad: "Evaluated" }, 3_400],
  ];
  for (const [what, stage, until] of stages)
    it(`complaint ${what}: settled one second after ${until}, not before`, () => {
      const complaint = { memberKey: keyOf(1), nodeIndex: 2, missing: "None", bad: "None", ...stage };
      const round = roundIn("Share", { complaints: [complaint as never], view: { openComplaints: 1 } });
      expect(due({ round, at: until })).to.deep.equal([]);
      expect(kinds(due({ round, at: until + 1 }))).to.deep.equal(["settleComplaint"]);
    });

  it("prover: proves from the freeze on, submits when summed and paid, never for another set", () => {
    expect(kinds(due({ round: roundIn("Share") }, PROVER))).to.deep.equal([]);
    expect(kinds(due({ round: roundIn("Frozen") }, PROVER))).to.deep.equal(["prove"]);
    expect(kinds(due({ round: roundIn("Frozen") }, PROVER, proof(true)))).to.deep.equal([]);
    expect(kinds(due({ round: roundIn("Summed") }, PROVER))).to.deep.equal(["prove"]);
    expect(kinds(due({ round: roundIn("Summed") }, PROVER, proof(false)))).to.deep.equal([]);
    expect(kinds(due({ round: roundIn("Summed") }, PROVER, proof(true)))).to.deep.equal(["finalize"]);
    expect(kinds(due({ round: roundIn("Summed") }, PROVER, proof(true, `0x${"22".repeat(32)}`)))).to.deep.equal([
      "prove",
    ]);
    expect(kinds(due({ round: roundIn("Summed", { aggregateLive: false }) }, PROVER, proof(true)))).to.deep.equal([]);
    expect(kinds(due({ round: roundIn("Summed", { view: { kind: "statistics" } }) }, PROVER))).to.deep.equal([]);
    expect(kinds(due({ round: roundIn("Finalized") }, PROVER, proof(true)))).to.deep.equal([]);
  });

  it("a proof at hand that pays goes before closing unproven", () => {
    const round = roundIn("Summed", { sums: { standing: 2, summedAt: 5_000, final: true } });
    const both = { keeper: true, prover: true, claims: false };
    expect(kinds(due({ round, at: 9_000 }, both, proof(true)))).to.deep.equal(["finalize"]);
    expect(kinds(due({ round, at: 9_000 }, both, proof(false)))).to.deep.equal(["closeUnproven"]);
  });

  const final = { sums: { standing: 2, summedAt: 5_000, final: true } };
  const six = ["claimMember", "claimMember", "claimMember", "claimNode", "claimNode", "claimNode"];
  const claims: [string, RoundSnapshot, string[]][] = [
    ["Frozen", roundIn("Frozen"), []],
    ["Summed, not final", roundIn("Summed"), []],
    ["Summed, final", roundIn("Summed", final), six],
    ["Finalized, sums not final", roundIn("Finalized"), [...six.slice(0, 3), "claimFees"]],
    ["Finalized, sums final", roundIn("Finalized", final), [...six, "claimFees"]],
    ["Closed", roundIn("Closed", final), [...six, "claimFees"]],
    ["FailedEarly", roundIn("FailedEarly"), six],
    ["FailedSums", roundIn("FailedSums"), six],
    [
      "Finalized, partly claimed by others",
      roundIn("Finalized", {
        ...final,
        claimed: { members: [true, false, true], nodes: [true, true, true], fees: true },
      }),
      ["claimMember"],
    ],
  ];
  for (const [what, round, expected] of claims)
    it(`claims in ${what}: ${expected.length}`, () => {
      expect(kinds(due({ round }, CLAIMS))).to.deep.equal(expected);
      expect(due({ round }, KEEPER).filter(({ kind }) => kind.startsWith("claim"))).to.deep.equal([]);
    });

  it("claims nothing twice, and lets go of a round only when all is claimed and final", () => {
    const round = roundIn("Finalized", final);
    const done = new Set(due({ round }, CLAIMS).map(({ key }) => key));
    expect(due({ round }, CLAIMS, { ...NOTHING, done })).to.deep.equal([]);
    expect(isOver(round, CLAIMS, NOTHING)).to.equal(false);
    expect(isOver(round, CLAIMS, { ...NOTHING, done })).to.equal(true);
    expect(isOver(roundIn("Finalized"), CLAIMS, { ...NOTHING, done })).to.equal(false);
    expect(isOver(roundIn("Finalized", { openDemands: 1 }), KEEPER, NOTHING)).to.equal(false);
    expect(isOver(roundIn("Finalized"), KEEPER, NOTHING)).to.equal(true);
    expect(isOver(roundIn("Summed", final), KEEPER, NOTHING)).to.equal(false);
  });

  it("[attack 28] one bad proof among 100 is found by halving and blocks nobody", () => {
    const bad = 57;
    const verified = new Set<number>();
    const rejected: Set<string>[] = [];
    let simulations = 0;
    const snapshot = () =>
      roundIn("Share", {
        view: { eager: false },
        updates: Array.from({ length: 100 }, (_, index) => ({ verified: verified.has(index) })),
      });
    for (;;) {
      const batches = due({ round: snapshot(), at: 3_050 }, KEEPER, { ...NOTHING, rejected });
      if (batches.length === 0) break;
      for (const batch of batches) {
        if (batch.kind !== "verifyBatch") throw new Error(batch.kind);
        expect(batch.members.length).to.be.within(1, MAX_BATCH);
        simulations++;
        if (batch.members.includes(keyOf(bad))) rejected.push(new Set(batch.members));
        else for (const key of batch.members) verified.add(Number(key) - 1);
      }
    }
    expect([...verified].sort((a, b) => a - b)).to.deep.equal(
      Array.from({ length: 100 }, (_, i) => i).filter((i) => i !== bad),
    );
    expect(simulations, "halving, not one by one").to.be.lessThan(16);
    const frozen = due({ round: snapshot(), at: 3_101 }, KEEPER, { ...NOTHING, rejected });
    expect(kinds(frozen), "the freeze leaves it out").to.deep.equal(["freeze"]);
  });

  it("a batch on its way keeps its key while others are verified", () => {
    const rejected = [
      [0, 1, 2, 3, 4, 5, 6, 7],
      [4, 5, 6, 7],
      [4, 5],
    ].map((set) => new Set(set.map(keyOf)));
    const keysWith = (verified: readonly number[]) => {
      const updates = Array.from({ length: 8 }, (_, index) => ({ verified: verified.includes(index) }));
      const round = roundIn("Share", { view: { eager: false }, updates });
      return due({ round, at: 3_050 }, KEEPER, { ...NOTHING, rejected }).map(({ key }) => key);
    };
    const before = keysWith([]);
    const after = keysWith([6, 7]);
    expect(before).to.include.members(after);
    expect(before).to.have.length(after.length + 1);
  });

  it("[attack 123] only the block's timestamp decides: this machine's clock does not occur", () => {
    const round = roundIn("Share");
    const real = Date.now;
    try {
      for (const shift of [-3_600_000, 0, 3_600_000]) {
        Date.now = () => real() + shift;
        expect(due({ round, at: 3_100 })).to.deep.equal([]);
        expect(kinds(due({ round, at: 3_101 }))).to.deep.equal(["freeze"]);
      }
    } finally {
      Date.now = real;
    }
  });
});
