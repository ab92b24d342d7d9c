import { readFileSync } from "node:fs";
import { bytesToBigint, Fr, lower, squaredNorm, type Witnesses } from "@mednexus/sdk";
import { expect } from "chai";
import { type Circuit, CircuitError, circuitInputs } from "../index.ts";
import { brokenRows, readR1cs } from "../setup/r1cs.ts";
import { calculateWitness } from "../witness.ts";
import { compiled } from "./lab.ts";

interface VectorRound {
  n: number;
  members: {
    context: { normBound2: string };
    values: string[];
    blinders: string[];
    h: string;
    r: string;
    y: string;
  }[];
  aggregate: { model: string[]; h: string; r: string; y: string };
}

interface VectorInference {
  input: string[];
  salt: string;
  modelRoot: string;
  inputCommitment: string;
  decision: number;
  score: string;
}

const { rounds, inference, rekey } = JSON.parse(
  readFileSync(new URL("../../test/vectors/encoding.json", import.meta.url), "utf8"),
) as { rounds: VectorRound[]; inference: VectorInference[]; rekey: object };

/** The constraint system alone judges: whether inputs satisfy it, with a witness computed by the circuit's own generator. */
async function judge(circuit: Circuit, n: number): Promise<(statement: Witnesses[Circuit]) => Promise<boolean>> {
  const { r1cs, wasm } = await compiled(circuit, n);
  const system = readR1cs(r1cs);
  const generator = await WebAssembly.compile(wasm);
  return async (statement) => {
    let witness: Uint8Array;
    try {
      witness = await calculateWitness(generator, circuitInputs(circuit, n, statement));
    } catch (error) {
      // the generator runs the same constraints and stops at the first that fails
      if (error instanceof CircuitError && error.code === "WITNESS_INVALID") return false;
      throw error;
    }
    return brokenRows(system, littleEndianWords(witness)).length === 0;
  };
}

const littleEndianWords = (bytes: Uint8Array): bigint[] =>
  Array.from({ length: bytes.length / 32 }, (_, i) => bytesToBigint(bytes.slice(32 * i, 32 * i + 32).reverse()));

describe("encoding vectors in the circuits", () => {
  for (const n of [16, 128]) {
    it(`update(${n}) accepts every member's h, r, y and B_i², and none of them changed`, async () => {
      const accepts = await judge("update", n);
      const members = rounds.filter((round) => round.n === n).flatMap((round) => round.members);
      expect(members.length).to.be.at.least(3);
      for (const { values, blinders, h, r, y, context } of members) {
        const signed = values.map(BigInt);
        const statement: Witnesses["update"] = {
          h: BigInt(h),
          r: BigInt(r),
          y: BigInt(y),
          normBound2: BigInt(context.normBound2),
          values: lower(signed),
          blinders: blinders.map(BigInt),
        };
        expect(await accepts(statement)).to.equal(true);
        expect(await accepts({ ...statement, h: Fr.add(statement.h, 1n) })).to.equal(false);
        expect(await accepts({ ...statement, y: Fr.add(statement.y, 1n) })).to.equal(false);
        expect(await accepts({ ...statement, r: Fr.add(statement.r, 1n) })).to.equal(false);
        expect(await accepts({ ...statement, normBound2: squaredNorm(signed) - 1n })).to.equal(false);
      }
    });

    it(`aggregate(${n}) accepts every model's h_M, r_M and y_M, and none of them changed`, async () => {
      const accepts = await judge("aggregate", n);
      for (const { aggregate } of rounds.filter((round) => round.n === n)) {
        const words = aggregate.model.map(BigInt);
        const statement: Witnesses["aggregate"] = {
          h: BigInt(aggregate.h),
          r: BigInt(aggregate.r),
          y: BigInt(aggregate.y),
          values: words.slice(0, n),
          blinders: words.slice(n),
        };
        expect(await accepts(statement)).to.equal(true);
        expect(await accepts({ ...statement, h: Fr.add(statement.h, 1n) })).to.equal(false);
        expect(await accepts({ ...statement, y: Fr.add(statement.y, 1n) })).to.equal(false);
        expect(await accepts({ ...statement, r: Fr.add(statement.r, 1n) })).to.equal(false);
      }
    });
  }

  it("inference(16) accepts commitment, score and decision of both inputs, and none of them changed", async () => {
    const accepts = await judge("inference", 16);
    const model = rounds[0]!.aggregate.model.map(BigInt);
    expect(new Set(inference.map(({ decision }) => decision)).size).to.equal(2);
    for (const { input, salt, modelRoot, inputCommitment, decision, score } of inference) {
      const statement: Witnesses["inference"] = {
        modelRoot: BigInt(modelRoot),
        inputCommitment: BigInt(inputCommitment),
        decision: BigInt(decision),
        score: Fr.from(BigInt(score)),
        values: model.slice(0, 16),
        blinders: model.slice(16),
        input: lower(input.map(BigInt)),
        salt: BigInt(salt),
      };
      expect(await accepts(statement)).to.equal(true);
      for (const name of ["modelRoot", "inputCommitment", "score"] as const)
        expect(await accepts({ ...statement, [name]: Fr.add(statement[name], 1n) }), name).to.equal(false);
      expect(await accepts({ ...statement, decision: 1n - statement.decision })).to.equal(false);
    }
  });

  it("rekey accepts the vector, and no input of it changed", async () => {
    const accepts = await judge("rekey", 1);
    const names = ["current", "holder", "currentBinding", "next", "receiver", "nextBinding", "keyHash"] as const;
    const secrets = ["secret", "currentRoot", "ephemeral", "receiverRoot"] as const;
    const words = rekey as Record<string, unknown>;
    const statement = Object.fromEntries([...names, ...secrets].map((name) => [name, bigints(words[name])]));
    const witness = statement as unknown as Witnesses["rekey"];
    expect(await accepts(witness)).to.equal(true);
    for (const name of names) {
      const value = witness[name];
      const changes =
        typeof value === "bigint"
          ? [Fr.add(value, 1n)]
          : Object.entries(value).map(([part, word]: [string, bigint]) => ({ ...value, [part]: Fr.add(word, 1n) }));
      for (const changed of changes) expect(await accepts({ ...witness, [name]: changed }), name).to.equal(false);
    }
  });
});

const bigints = (value: unknown): unknown =>
  typeof value === "string"
    ? BigInt(value)
    : Object.fromEntries(Object.entries(value as object).map(([name, word]) => [name, BigInt(word as string)]));
