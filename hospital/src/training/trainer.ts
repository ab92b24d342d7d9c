import { BadInputError } from "../data/errors.ts";
import type { Rows } from "../data/split.ts";
import { minimize, type Smooth } from "./minimize.ts";

/** How one hospital improves a model in a round, and what a model says about rows. Rows are standardized. */
export interface Trainer {
  /** Parameters of the model, bias included; at most the circuit's n. */
  readonly parameterCount: number;
  /** The model to start from. `seed` matters to models that must not start symmetric. */
  init(seed: number): Float64Array;
  /** Trains on `rows` from `base`; returns trained - base, finite, of length parameterCount. `base` is left alone. */
  train(base: Float64Array, rows: Rows): Promise<Float64Array>;
  evaluate(parameters: Float64Array, rows: Rows): { loss: number; accuracy: number };
  /** Probability of class 1 for each row. */
  predict(parameters: Float64Array, X: Rows["X"]): number[];
}

/**
 * A model by its loss. `loss` is the mean cross-entropy over rows; with `gradient` given (zero-filled) its gradient is added to it.
 */
export interface Model {
  readonly parameterCount: number;
  init(seed: number): Float64Array;
  /** Log-odds of class 1. */
  logit(parameters: Float64Array, row: readonly number[]): number;
  loss(parameters: Float64Array, rows: Rows, gradient?: Float64Array): number;
}

/** Same for every table: on standardized features they have the same meaning whatever the file. */
export interface TrainingOptions {
  /** Weight of ½|w|² in the objective, on every parameter. */
  readonly l2: number;
  /** FedProx term: weight of ½|w - base|² in a hospital's local objective (Li et al. 2020); keeps skewed hospitals from drifting apart. */
  readonly proximal: number;
  /** Steps of local training a round. */
  readonly localSteps: number;
}

export const TRAINING_DEFAULTS: TrainingOptions = { l2: 0.01, proximal: 0.1, localSteps: 50 };

const CONVERGED = { maxSteps: 5_000, tolerance: 1e-7 } as const;

export function localTrainer(model: Model, options: TrainingOptions = TRAINING_DEFAULTS): Trainer {
  return {
    parameterCount: model.parameterCount,
    init: (seed) => model.init(seed),
    train: async (base, rows) => {
      const f = objective(model, rows, options.l2, { weight: options.proximal, base });
      const trained = minimize(f, base, { maxSteps: options.localSteps, tolerance: CONVERGED.tolerance });
      return trained.map((w, j) => w - base[j]!);
    },
    evaluate: (parameters, rows) => ({
      loss: model.loss(parameters, rows),
      accuracy: accuracy(model, parameters, rows),
    }),
    predict: (parameters, X) => X.map((row) => sigmoid(model.logit(parameters, row))),
  };
}

/** The same model trained until converged on rows in one place: what federated training is measured against. */
export function trainToConvergence(
  model: Model,
  rows: Rows,
  seed: number,
  options: TrainingOptions = TRAINING_DEFAULTS,
): Float64Array {
  return minimize(objective(model, rows, options.l2), model.init(seed), CONVERGED);
}

/** Errors: BadInputError naming --size when the model has more parameters than the circuit has coordinates. */
export function requireFit(parameterCount: number, size: number): void {
  if (parameterCount > size)
    throw new BadInputError(
      `the model has ${parameterCount} parameters, --size ${size} holds ${size}: choose a larger --size (128, 1024, 4096) or fewer features`,
    );
}

export function objective(
  model: Model,
  rows: Rows,
  l2: number,
  proximal?: { weight: number; base: Float64Array },
): Smooth {
  return (w, gradient) => {
    gradient.fill(0);
    let value = model.loss(w, rows, gradient);
    for (let j = 0; j < w.length; j++) {
      const pull = proximal === undefined ? 0 : w[j]! - proximal.base[j]!;
      const mu = proximal?.weight ?? 0;
      value += 0.5 * (l2 * w[j]! * w[j]! + mu * pull * pull);
      gradient[j]! += l2 * w[j]! + mu * pull;
    }
    return value;
  };
}

export const sigmoid = (z: number): number => (z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z)));

/** log(1 + e^z) - label·z, without overflow. */
export const crossEntropy = (z: number, label: 0 | 1): number =>
  Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))) - label * z;

function accuracy(model: Model, parameters: Float64Array, rows: Rows): number {
  const right = rows.X.filter((row, i) => (model.logit(parameters, row) > 0 ? 1 : 0) === rows.y[i]);
  return right.length / rows.X.length;
}
