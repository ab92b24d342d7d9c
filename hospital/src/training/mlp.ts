import { createRandom } from "../data/random.ts";
import type { Rows } from "../data/split.ts";
import { crossEntropy, sigmoid, type Model } from "./trainer.ts";

/**
 * One hidden layer of tanh units. Parameters: for each unit its d weights and bias, then one output weight a unit, then the output
 * bias: units·(d + 2) + 1. Every hospital must start from the same seeded weights, or averaging mixes unrelated units.
 */
export function mlp(features: number, units: number): Model {
  const stride = features + 1;
  const output = units * stride;
  const forward = (w: Float64Array, row: readonly number[], hidden: Float64Array): number => {
    let z = w[output + units]!;
    for (let u = 0; u < units; u++) {
      let a = w[u * stride + features]!;
      for (let j = 0; j < features; j++) a += w[u * stride + j]! * row[j]!;
      hidden[u] = Math.tanh(a);
      z += w[output + u]! * hidden[u]!;
    }
    return z;
  };
  return {
    parameterCount: output + units + 1,
    isWeight: (j) => (j < output ? j % stride < features : j < output + units),
    init(seed: number): Float64Array {
      const random = createRandom(seed, "mlp");
      const w = new Float64Array(output + units + 1);
      for (let u = 0; u < units; u++) {
        for (let j = 0; j < features; j++) w[u * stride + j] = random.normal() / Math.sqrt(features);
        w[output + u] = random.normal() / Math.sqrt(units);
      }
      return w;
    },
    logit: (w, row) => forward(w, row, new Float64Array(units)),
    loss(w: Float64Array, rows: Rows, gradient?: Float64Array): number {
      const hidden = new Float64Array(units);
      let total = 0;
      for (const [i, row] of rows.X.entries()) {
        const z = forward(w, row, hidden);
        total += crossEntropy(z, rows.y[i]!);
        if (gradient === undefined) continue;
        const error = (sigmoid(z) - rows.y[i]!) / rows.X.length;
        gradient[output + units]! += error;
        for (let u = 0; u < units; u++) {
          gradient[output + u]! += error * hidden[u]!;
          const back = error * w[output + u]! * (1 - hidden[u]! * hidden[u]!);
          for (let j = 0; j < features; j++) gradient[u * stride + j]! += back * row[j]!;
          gradient[u * stride + features]! += back;
        }
      }
      return total / rows.X.length;
    },
  };
}
