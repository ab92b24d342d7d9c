import { expect } from "chai";
import { calculateWitness, circuitInputs, loadKeys, toSnarkjs, verifyProof } from "@mednexus/circuits";
import { Curve, Fr, FR_MODULUS, insecureSrs, MedNexusError, type Proved } from "@mednexus/sdk";
import * as snarkjs from "snarkjs";
import { groth16Keys } from "../../circuits/setup/groth16.ts";
import { trapdoor } from "../../circuits/setup/trapdoor.ts";
import { randomUpdate } from "../../circuits/test/statements.ts";
import { readZkey } from "../groth16/zkey.ts";
import { chain, wtns } from "../test/chain.ts";
import { cpuCorruptions } from "../test/cpu.ts";
import { SEED, seeded } from "../test/device.ts";
import { collect } from "./collect.ts";
import { ELEMENT } from "./field.ts";
import { SCALAR_WORDS } from "./msm.ts";
import { Pool } from "./pool.ts";
import { CpuProver } from "./prover.ts";
import { makeResident } from "./resident.ts";
import { sumsOf } from "./sums.ts";
import type { Task } from "./tasks.ts";

describe(`Groth16 by the CPU's kernels (seed ${SEED})`, function () {
  this.timeout(120_000);
  const next = seeded(SEED);
  let curve: Curve;
  before(async () => {
    curve = await Curve.load();
  });
  after(async () => (await snarkjs.curves.getCurveFromName("bn128")).terminate());

  const codeOf = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => "none",
      (error: unknown) => (error instanceof MedNexusError ? error.code : String(error)),
    );

  for (const threads of [1, 2, 5])
    it(`update(128) with ${threads} threads: proofs of one key verify in snarkjs and here`, async () => {
      const keys = await loadKeys("update", 128);
      const verifyingKey = await snarkjs.zKey.exportVerificationKey({ type: "mem", data: keys.zkey });
      const generator = await WebAssembly.compile(keys.wasm);
      const prover = new CpuProver(curve, { threads });
      const proofs: Proved[] = await Promise.all(
        [1, 2].map((k) => {
          const inputs = circuitInputs("update", 128, randomUpdate(128, SEED + k));
          return prover.prove(keys.zkey, () => calculateWitness(generator, inputs));
        }),
      );
      await prover.close();
      for (const { proof, publicInputs } of proofs) {
        expect(await verifyProof(curve, keys.verifyingKey, publicInputs, proof)).to.equal(true);
        expect(await snarkjs.groth16.verify(verifyingKey, publicInputs.map(String), toSnarkjs(proof))).to.equal(true);
      }
      expect(proofs[0]!.proof).to.not.deep.equal(proofs[1]!.proof);
      expect(await codeOf(prover.prove(keys.zkey, async () => new Uint8Array(32)))).to.equal("BACKEND_CLOSED");
    });

  it("small circuits, more keys than it keeps, malformed and wrong witnesses; afterwards it proves on", async () => {
    const prover = new CpuProver(curve, { threads: 2, keys: 2 });
    const { r1cs } = chain(1n);
    const { tau, alpha, beta, gamma, delta } = trapdoor;
    const keys = await Promise.all(
      [0n, 1n, 2n].map(async (k) => (await groth16Keys(r1cs, { tau, alpha: alpha + k, beta, gamma, delta })).zkey),
    );
    for (let round = 0n; round < 3n; round++)
      for (const zkey of keys) {
        const x = 2n + 10n * round;
        const { publicInputs } = await prover.proveFiles(zkey, wtns(chain(x).assignment));
        expect(publicInputs).to.deep.equal([x ** 64n % FR_MODULUS]);
      }
    const [zkey] = keys as [Uint8Array];
    const wrong = chain(3n).assignment.slice();
    wrong[32 * 4]! ^= 1;
    expect(await codeOf(prover.proveFiles(zkey, wtns(wrong)))).to.equal("PROOF_REJECTED");
    expect(await codeOf(prover.proveFiles(zkey, wtns(chain(3n).assignment.slice(0, 64))))).to.equal("WITNESS_MISMATCH");
    expect(await codeOf(prover.proveFiles(zkey, new Uint8Array(9)))).to.equal("WITNESS_MALFORMED");
    expect(await codeOf(prover.proveFiles(zkey.slice(0, 99), wtns(chain(3n).assignment)))).to.equal("KEY_MALFORMED");
    expect((await prover.proveFiles(zkey, wtns(chain(3n).assignment))).publicInputs).to.have.length(1);
    await prover.close();
  });

  it("[attack 125] 20 corruptions of memory, key and witness: no bad proof leaves, each meets a typed error", () =>
    cpuCorruptions(curve, next, 20));

  it("commits to short and full values, any number of them, and refuses what it cannot", async () => {
    const size = 700;
    const bases = await curve.pack((await insecureSrs(curve, 1024)).lagrange.slice(0, size));
    const prover = new CpuProver(curve, { threads: 2 });
    const resident = prover.bases(bases.bytes);
    for (const count of [0, 1, 2, 300, size]) {
      const short = Int32Array.from({ length: count }, () =>
        next() % 4 === 0 ? 65_536 * (next() % 3) - 65_536 : (next() % 65_536) - 32_768,
      );
      const full = Array.from(short, (value) => Fr.from(BigInt(value) * 2n ** 200n));
      const padded = (list: readonly bigint[]): bigint[] => [...list, ...Array<bigint>(size - count).fill(0n)];
      const small = Array.from(short, (value) => Fr.from(BigInt(value)));
      expect(await prover.commit(resident, short), `${count} short`).to.deep.equal(
        await curve.msm(bases, padded(small)),
      );
      expect(await prover.commit(resident, full), `${count} full`).to.deep.equal(await curve.msm(bases, padded(full)));
    }
    expect(await codeOf(prover.commit(resident, new Int32Array(size + 1)))).to.equal("LIMIT_EXCEEDED");
    expect(await codeOf(prover.commit(resident, [FR_MODULUS]))).to.contain("RangeError");
    expect(await codeOf(prover.commit(resident, Int32Array.of(65_537)))).to.contain("RangeError");
    prover.free(resident);
    await prover.close();
  });

  it("a thread that ends fails what was asked for, and everything after", async () => {
    const pool = new Pool(2);
    const { zkey } = await groth16Keys(chain(1n).r1cs, trapdoor);
    const resident = makeResident(pool, readZkey(zkey));
    const { assignment } = chain(3n);
    await sumsOf(pool, resident, assignment);
    const tooFar = { kind: "rows", from: 0, to: 2 ** 30 } satisfies Task;
    expect(await codeOf(pool.run(resident.id, [tooFar, tooFar]))).to.equal("THREAD_FAILED");
    expect(await codeOf(sumsOf(pool, resident, assignment))).to.equal("THREAD_FAILED");
    await pool.close();
  });

  it("gives back the memory of keys that it drops", async () => {
    const pool = new Pool(2);
    const key = readZkey((await groth16Keys(chain(1n).r1cs, trapdoor)).zkey);
    const { assignment } = chain(3n);
    const useAndDrop = async (): Promise<number> => {
      const resident = makeResident(pool, key);
      await sumsOf(pool, resident, assignment);
      resident.space.bytes.fill(1);
      pool.detach(resident.id);
      return resident.space.bytes.length;
    };
    const memory = await useAndDrop();
    expect(memory).to.be.greaterThan(40 * 2 ** 20);
    const before = process.memoryUsage.rss();
    for (let k = 0; k < 12; k++) {
      await useAndDrop();
      await new Promise((turn) => setImmediate(turn));
      collect();
    }
    await new Promise((done) => setTimeout(done, 200));
    expect(process.memoryUsage.rss() - before).to.be.lessThan(4 * memory);
    await pool.close();
  });

  it("leaves nothing of a witness in memory", async () => {
    const pool = new Pool(2);
    const { zkey } = await groth16Keys(chain(1n).r1cs, trapdoor);
    const resident = makeResident(pool, readZkey(zkey));
    const { assignment } = chain(0x123456789abcdef0123456789n);
    const { key, domain, space, assignmentScalars, quotientScalars } = resident;
    const rows = 2 ** key.power;
    const places: [number, number][] = [
      [domain.assignment, 32 * key.wires],
      [domain.wires, ELEMENT * key.wires],
      [assignmentScalars, 4 * SCALAR_WORDS * key.wires],
      ...domain.values.map((values): [number, number] => [values, ELEMENT * rows]),
      [domain.quotient, 32 * rows],
      [quotientScalars, 4 * SCALAR_WORDS * rows],
    ];
    const filled = (): boolean[] =>
      places.map(([from, length]) => space.bytes.slice(from, from + length).some(Boolean));
    const run = pool.run.bind(pool);
    let before: boolean[] = [];
    pool.run = async (...given) => {
      await run(...given);
      before = filled();
    };
    await sumsOf(pool, resident, assignment);
    expect(before).to.deep.equal(places.map(() => true));
    expect(filled()).to.deep.equal(places.map(() => false));
    await pool.close();
  });
});
