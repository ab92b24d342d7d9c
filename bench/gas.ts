/**
 * Gas of every transaction of a round, on the real contracts, at 3, 8 and 32 members, eager and batched; the largest round (256 members) and the
 * largest vectors (n = 4,096) against the limits of a transaction; a compute job and its receipts; where the gas of submitUpdate and finalize goes.
 *   node bench/gas.ts [--members 3,8,32] [--json]
 * Exit code 1 if a target is missed. The contracts must have been built (npm run bench:gas does).
 */
import { parseArgs } from "node:util";
import { deploySystem } from "../test/fixtures/system.ts";
import { measureMarket } from "./lib/market.ts";
import { machine, machineLine, median, met, table, type Target, targetTable } from "./lib/report.ts";
import {
  BATCH,
  institutions,
  measureChunks,
  measureRound,
  type Mode,
  type RoundGas,
  type Spent,
} from "./lib/rounds.ts";
import { type Breakdown, breakdown } from "./lib/trace.ts";

/** EIP-7825: no transaction may use more. */
const TRANSACTION_GAS = 16_777_216;
/** What nodes of public networks take into their pools. */
const TRANSACTION_BYTES = 131_072;
const MOST_MEMBERS = 256;
/** What comes before a round: counted apart. */
const ENTRY = new Set(["enrol", "joinPool"]);
const MODES: readonly Mode[] = ["eager", "batched"];

const { values } = parseArgs({
  options: { members: { type: "string", default: "3,8,32" }, json: { type: "boolean", default: false } },
});
const counts = values.members.split(",").map(Number);
if (counts.some((count) => !(Number.isInteger(count) && count >= 3 && count < MOST_MEMBERS)))
  throw new Error(`--members ${values.members}: give whole numbers from 3 to ${MOST_MEMBERS - 1}`);
const say = (line: string): void => {
  if (!values.json) console.error(line);
};

const gasOf = ({ spent }: RoundGas, step: string): number[] =>
  spent.filter((one) => one.step.split(" ")[0] === step).map(({ gas }) => gas);
const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

const system = await deploySystem();
const all = await institutions(system, MOST_MEMBERS);
const rounds: RoundGas[] = [];
for (const members of counts) {
  for (const mode of MODES) {
    rounds.push(await measureRound(system, all, { members, mode }));
    say(`${members} members, ${mode}: done`);
  }
}
const largest = await measureRound(system, all, { members: MOST_MEMBERS, mode: "batched", gather: true });
say(`${MOST_MEMBERS} members: done`);
const chunks = await measureChunks(system, all);
const market = await measureMarket();

/** Of the first eager round: a later submission, which nobody's earlier one made cheaper or dearer, and its finalize. */
const traced: { step: string; breakdown: Breakdown }[] = [];
for (const step of ["submitUpdate", "finalize"]) {
  const one = rounds.find(({ mode }) => mode === "eager")!.spent.findLast((spent) => spent.step === step)!;
  traced.push({ step, breakdown: await breakdown(system.connection.provider as never, system.deployment, one.hash) });
}

const eager = rounds.filter(({ mode }) => mode === "eager");
const batched = rounds.filter(({ mode }) => mode === "batched");
const reference = batched.at(-1)!;
const [small] = batched;
/** A freeze of any size costs something, each member of it the rest. */
const freezeMember = Math.round(
  (gasOf(largest, "freeze")[0]! - gasOf(small!, "freeze")[0]!) / (largest.members - small!.members),
);
const everything = [...rounds, largest].flatMap(({ spent }) => spent).concat(chunks);
const most = (value: (spent: Spent) => number): Spent => everything.reduce((a, b) => (value(b) > value(a) ? b : a));
const targets: Target[] = [
  ...eager.map((round) => ({
    what: `submitUpdate, eager, ${round.members} members, S = ${round.nodes}, t = ${round.threshold}: largest`,
    measured: Math.max(...gasOf(round, "submitUpdate")),
    limit: 600_000,
  })),
  {
    what: `verifyBatch of ${reference.members}, a member`,
    measured: Math.round(sum(gasOf(reference, "verifyBatch")) / reference.members),
    limit: 110_000,
  },
  { what: `freeze, a member (from ${small!.members} to ${largest.members})`, measured: freezeMember, limit: 16_000 },
  {
    what: "finalize, any number of members: largest",
    measured: Math.max(...[...rounds, largest].flatMap((round) => gasOf(round, "finalize"))),
    limit: 600_000,
  },
  { what: "receipt settled by proof, all in (payees with credit before)", measured: market.later, limit: 450_000 },
  { what: "receipt in a batch of 8, beyond its proof check", measured: market.beyondProof, limit: 120_000 },
  {
    what: `gas of a transaction: ${most(({ gas }) => gas).step}`,
    measured: most(({ gas }) => gas).gas,
    limit: TRANSACTION_GAS,
  },
  {
    what: `bytes of a transaction: ${most(({ bytes }) => bytes).step}`,
    measured: most(({ bytes }) => bytes).bytes,
    limit: TRANSACTION_BYTES,
  },
];

if (values.json) {
  console.log(
    JSON.stringify(
      { machine: machine(), seed: String(system.seed), targets, rounds, largest, chunks, traced, market },
      null,
      2,
    ),
  );
} else {
  console.log(`seed ${system.seed}; ${machineLine(machine())}\n`);
  console.log(
    table(
      [
        "members",
        "mode",
        "S, t",
        "submit first",
        "later, median",
        "verify, a member",
        "freeze",
        "finalize",
        "whole round",
        "a member",
      ],
      [...rounds, largest].map((round) => {
        const submits = gasOf(round, "submitUpdate");
        const verified = sum(gasOf(round, "verifyBatch"));
        const total = sum(round.spent.filter(({ step }) => !ENTRY.has(step)).map(({ gas }) => gas));
        return [
          round.members,
          round.mode,
          `${round.nodes}, ${round.threshold}`,
          submits[0]!,
          median(submits.slice(1)),
          verified === 0 ? "" : Math.round(verified / round.members),
          gasOf(round, "freeze")[0]!,
          gasOf(round, "finalize")[0]!,
          total,
          Math.round(total / round.members),
        ];
      }),
    ),
  );
  console.log("\nEach kind of transaction: cheapest, median, dearest of the eager rounds above\n");
  const kinds = new Map<string, Spent[]>();
  for (const one of eager.flatMap(({ spent }) => spent)) kinds.set(one.step, [...(kinds.get(one.step) ?? []), one]);
  console.log(
    table(
      ["transaction", "count", "least", "median", "most"],
      [...kinds].map(([step, spent]) => {
        const gas = spent.map((one) => one.gas);
        return [step, gas.length, Math.min(...gas), Math.round(median(gas)), Math.max(...gas)];
      }),
    ),
  );
  console.log(
    `\nThe largest transactions: ${MOST_MEMBERS} members in subsets of ${BATCH}, vectors of 4,100 words in chunks\n`,
  );
  const large = largest.spent.filter(({ step }) =>
    /^(freeze|verifyBatch|gatherSharePoints|finalize|endCommit)/.test(step),
  );
  console.log(
    table(
      ["transaction", "gas", "bytes"],
      [...large, ...chunks].map(({ step, gas, bytes }) => [step, gas, bytes]),
    ),
  );
  console.log(`\nA compute job: receipts, proof check ${market.proof.toLocaleString("en-US")} each\n`);
  console.log(
    table(
      ["transaction", "gas"],
      market.steps.map(({ step, gas }) => [step, gas]),
    ),
  );
  for (const { step, breakdown: b } of traced) {
    console.log(`\nWhere the ${b.total.toLocaleString("en-US")} gas of ${step} go\n`);
    console.log(
      table(
        ["function, itself", "calls", "gas"],
        b.byFunction.map(({ name, calls, gas }) => [name, calls, gas]),
      ),
    );
    console.log("");
    console.log(
      table(
        ["operation", "times", "gas"],
        b.byOperation.map(({ name, calls, gas }) => [name, calls, gas]),
      ),
    );
  }
  console.log(`\n${targetTable(targets)}`);
}
process.exitCode = targets.every(met) ? 0 : 1;
