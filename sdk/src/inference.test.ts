import { expect } from "chai";
import { readFileSync } from "node:fs";
import { inputHash } from "./encoding.ts";
import { MedNexusError } from "./errors.ts";
import { Fr } from "./field.ts";
import { infer, inferenceWitness, INPUT_FRACTION_BITS, logitOf, probabilityOf, quantizeInput } from "./inference.ts";
import { MODEL_BOUND } from "./update.ts";

const { rounds, inference } = JSON.parse(
  readFileSync(new URL("../../test/vectors/encoding.json", import.meta.url), "utf8"),
) as {
  rounds: { aggregate: { model: string[]; h: string } }[];
  inference: { input: string[]; salt: string; inputCommitment: string; score: string; decision: number }[];
};

function refused(call: () => unknown, code: string): void {
  expect(call).to.throw(MedNexusError).property("code", code);
}

describe("inference", () => {
  const unit = 2 ** INPUT_FRACTION_BITS;

  it("features, then one unit for the bias, then zeros", () => {
    const input = quantizeInput([1.5, -0.25, 10, -16], 16);
    expect(input.slice(0, 5)).deep.equal([1.5 * unit, -0.25 * unit, 10 * unit, -16 * unit, unit].map(BigInt));
    expect(input.slice(5).every((x) => x === 0n)).equal(true);
    expect(quantizeInput([0.5 / unit, -0.5 / unit], 16).slice(0, 2)).deep.equal([1n, -1n]);
  });

  it("refuses what does not fit, by position only", () => {
    refused(() => quantizeInput([16], 16), "VALUE_RANGE");
    refused(() => quantizeInput([-16.1], 16), "VALUE_RANGE");
    refused(() => quantizeInput([NaN], 16), "NOT_FINITE");
    refused(() => quantizeInput([Infinity], 16), "NOT_FINITE");
    refused(() => quantizeInput(Array<number>(16).fill(0), 16), "LENGTH");
    expect(quantizeInput(Array<number>(15).fill(0), 16)[15]).equal(BigInt(unit));
  });

  it("the vectors' scores, decisions and commitments", () => {
    const vector = rounds[0]!.aggregate.model.map(BigInt);
    for (const { input, salt, inputCommitment, score, decision } of inference) {
      const values = input.map(BigInt);
      expect(infer(vector, values)).deep.equal({ score: BigInt(score), decision: decision === 1 });
      expect(inputHash(values, BigInt(salt))).equal(BigInt(inputCommitment));
      const witness = inferenceWitness(vector, values, BigInt(salt));
      expect(witness.modelRoot).equal(BigInt(rounds[0]!.aggregate.h));
      expect(witness.score).equal(Fr.from(BigInt(score)));
    }
  });

  it("the score is exact at the bounds, zero is no, and a model out of bounds is refused", () => {
    const [top, low] = [MODEL_BOUND - 1n, 1n - MODEL_BOUND];
    const vector = (m: bigint): bigint[] => [...Array<bigint>(16).fill(Fr.from(m)), 0n, 0n, 0n, 0n];
    const input = Array<bigint>(16).fill(-32768n);
    expect(infer(vector(low), input)).deep.equal({ score: 16n * 32768n * top, decision: true });
    expect(infer(vector(top), input)).deep.equal({ score: -16n * 32768n * top, decision: false });
    expect(infer(vector(0n), input)).deep.equal({ score: 0n, decision: false });
    refused(() => infer(vector(MODEL_BOUND), input), "MODEL_BOUND");
    refused(() => infer(vector(-MODEL_BOUND), input), "MODEL_BOUND");
    refused(() => infer(vector(1n).slice(1), input), "LENGTH");
    refused(() => infer(vector(1n), input.with(0, 32768n)), "VALUE_RANGE");
  });

  it("a score maps to the logit of real weights and features", () => {
    const scale = { updateBits: 12, stepBits: 8 };
    const weights = [0.75, -2, 0.5]; // two features, then the bias
    const features = [1.5, 0.25];
    const words = Array.from({ length: 16 }, (_, j) => Fr.from(BigInt((weights[j] ?? 0) * 2 ** (16 + 12 + 8))));
    const { score, decision } = infer([...words, 1n, 2n, 3n, 4n], quantizeInput(features, 16));
    const logit = 0.75 * 1.5 - 2 * 0.25 + 0.5;
    expect(logitOf(score, scale)).equal(logit);
    expect(probabilityOf(score, scale)).closeTo(1 / (1 + Math.exp(-logit)), 1e-15);
    expect(decision).equal(true);
    expect(probabilityOf(0n, scale)).equal(0.5);
  });
});
