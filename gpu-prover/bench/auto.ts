/**
 * What `--prover auto` costs against snarkjs itself: `npm run bench:auto [-- RUNS]`. Proofs of update(128) with their witnesses, runs interleaved, each
 * verified; fails if the median of `auto` is more than 5 % above snarkjs's. `auto` says on stderr what it took.
 */
import { cpus } from "node:os";
import { loadKeys, SnarkjsBackend, verifyProof } from "@mednexus/circuits";
import { Curve, type Proved, type ProverBackend } from "@mednexus/sdk";
import { randomUpdate } from "../../circuits/test/statements.ts";
import { openBackend } from "../backend.ts";
import { type Contender, measure } from "./measure.ts";

const MOST = 1.05;
const SIZE = 128;
const runs = Number(process.argv[2] ?? 20);
if (!Number.isInteger(runs) || runs < 1) throw new RangeError("RUNS: a whole number, at least 1");

const curve = await Curve.load();
const { verifyingKey } = await loadKeys("update", SIZE);
const witness = randomUpdate(SIZE, 1);
const auto = await openBackend("auto", curve, { log: (line) => console.error(line) });
const snarkjs = new SnarkjsBackend(curve);
const contender = (engine: string, backend: ProverBackend): Contender<Proved> => ({
  engine,
  run: () => backend.prove("update", SIZE, witness),
  check: (made) => verifyProof(curve, verifyingKey, made.publicInputs, made.proof),
});
const measured = await measure([contender("auto", auto), contender("snarkjs", snarkjs)], runs);
await auto.close();
await snarkjs.close();

console.log(`update(${SIZE}), ${runs} interleaved runs, ${cpus().length} × ${cpus()[0]?.model ?? "?"}`);
for (const { engine, median, least, most, verified } of measured)
  console.log(`${engine}  median ${ms(median)}  range ${ms(least)}–${ms(most)}  verified ${verified}/${runs}`);
const [own, baseline] = [measured[0]!, measured[1]!];
const ratio = own.median / baseline.median;
console.log(`auto / snarkjs  ${ratio.toFixed(3)} (at most ${MOST})`);
if (ratio > MOST || own.verified < runs || baseline.verified < runs) process.exitCode = 1;

function ms(seconds: number): string {
  return `${(1000 * seconds).toFixed(0)} ms`;
}
