import type { Rows } from "../data/split.ts";
import { crossEntropy, sigmoid, type Model } from "./trainer.ts";

/** Logistic regression: parameters are d weights, then the bias. Convex, so it starts from zero. */
export function logistic(features: number): Model {
  const logit = (w: Float64Array, row: readonly number[]): number => {
    let z = w[features]!;
    for (let j = 0; j < features; j++) z += w[j]! * row[j]!;
    return z;
  };
  return {
    parameterCount: features + 1,
    isWeight: (j) => j < features,
    init: () => new Float64Array(features + 1),
    logit,
    loss(w: Float64Array, rows: Rows, gradient?: Float64Array): number {
      let total = 0;
      for (const [i, row] of rows.X.entries()) {
        const z = logit(w, row);
        total += crossEntropy(z, rows.y[i]!);
        if (gradient === undefined) continue;
        const error = (sigmoid(z) - rows.y[i]!) / rows.X.length;
        for (let j = 0; j < features; j++) gradient[j]! += error * row[j]!;
        gradient[features]! += error;
      }
      return total / rows.X.length;
    },
  };
}
