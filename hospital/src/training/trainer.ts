import { BadInputError } from "../data/errors.ts";
import type { Rows } from "../data/split.ts";
import { minimize, type Smooth } from "./minimize.ts";

/** How one hospital improves a model in a round, and what a model says about rows. Rows are standardized. */
export interface Trainer {
  /** Parameters of the model, bias included; at most the circuit's n. */
  readonly parameterCount: number;
  /** The model to start from. `seed` matters to models that must not start symmetric. */
  init(seed: number): Float64Array;
  /**
   * Trains on `rows` from `base`. `memory` is what the call for the round that produced `base` returned; leave it out in the first
   * round and whenever this hospital was not in the set that made `base`. Arguments are left alone.
   */
  train(base: Float64Array, rows: Rows, memory?: DriftMemory): Promise<LocalResult>;
  /** Mean cross-entropy and share of rows classified right. */
  evaluate(parameters: Float64Array, rows: Rows): Promise<{ loss: number; accuracy: number }>;
  /** Probability of class 1 for each row. */
  predict(parameters: Float64Array, X: Rows["X"]): Promise<number[]>;
}

/** Kept by the hospital, never sent: it tells as much about its rows as an update does. Both have parameterCount entries. */
export interface DriftMemory {
  /** The base of that round. */
  readonly base: Float64Array;
  /** Gradient of the hospital's own objective where its training ended. */
  readonly gradient: Float64Array;
}

export interface LocalResult {
  /** trained - base; parameterCount finite numbers. */
  readonly delta: Float64Array;
  /** Absent from trainers that keep none. */
  readonly memory?: DriftMemory;
}

/**
 * A model by its loss. `loss` is the mean cross-entropy over rows; with `gradient` given (zero-filled) its gradient is added to it.
 */
export interface Model {
  readonly parameterCount: number;
  /** Whether parameter j is a weight, which the L2 term shrinks, and not a bias, which only shifts the threshold. */
  isWeight(j: number): boolean;
  init(seed: number): Float64Array;
  /** Log-odds of class 1. */
  logit(parameters: Float64Array, row: readonly number[]): number;
  loss(parameters: Float64Array, rows: Rows, gradient?: Float64Array): number;
}

/** Same for every table: on standardized features they have the same meaning whatever the file. */
export interface TrainingOptions {
  /** Weight of ½|w|² in the objective, over the weights (biases are free). */
  readonly l2: number;
  /** FedProx term (Li et al. 2020): weight of ½|w - base|² in a hospital's local objective; a few times l2, so that it holds where data do not. */
  readonly proximal: number;
  /** Steps of local training a round. */
  readonly localSteps: number;
}

export const TRAINING_DEFAULTS: TrainingOptions = { l2: 0.01, proximal: 0.03, localSteps: 50 };

const CONVERGED = { maxSteps: 5_000, tolerance: 1e-7 } as const;

/**
 * FedProx with the drift of skewed hospitals cancelled (the control variates of SCAFFOLD, Karimireddy et al. 2020, option II) at no
 * extra communication: where local training ends, ∇f_i(w_i) = -correction - μΔ_i. Averaged over hospitals the corrections vanish, so
 * the average gradient is -μ·(average Δ), and the average Δ of the last round is the public step from its base to ours. Each hospital
 * replaces its own gradient's share of the next step by that average; the fixed point is then the pooled optimum, not a compromise.
 * Assumes λ = 1; clipping or an absent hospital makes the correction approximate for a round.
 */
export function localTrainer(model: Model, options: TrainingOptions = TRAINING_DEFAULTS): Trainer {
  return {
    parameterCount: model.parameterCount,
    init: (seed) => model.init(seed),
    train: async (base, rows, memory) => {
      const mu = options.proximal;
      const correction = base.map((w, j) =>
        memory === undefined ? 0 : -mu * (w - memory.base[j]!) - memory.gradient[j]!,
      );
      const f = objective(model, rows, options.l2, { base, weight: mu, correction });
      const trained = minimize(f, base, { maxSteps: options.localSteps, tolerance: CONVERGED.tolerance });
      const delta = trained.map((w, j) => w - base[j]!);
      return {
        delta,
        memory: { base: Float64Array.from(base), gradient: delta.map((step, j) => -correction[j]! - mu * step) },
      };
    },
    evaluate: async (parameters, rows) => ({
      loss: model.loss(parameters, rows),
      accuracy: accuracy(model, parameters, rows),
    }),
    predict: async (parameters, X) => X.map((row) => sigmoid(model.logit(parameters, row))),
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

/** What ties local training to the base: weight·½|w - base|² + correction·(w - base). */
interface Local {
  readonly base: Float64Array;
  readonly weight: number;
  readonly correction: Float64Array;
}

export function objective(model: Model, rows: Rows, l2: number, local?: Local): Smooth {
  return (w, gradient) => {
    gradient.fill(0);
    let value = model.loss(w, rows, gradient);
    for (let j = 0; j < w.length; j++) {
      const shrink = model.isWeight(j) ? l2 : 0;
      value += 0.5 * shrink * w[j]! * w[j]!;
      gradient[j]! += shrink * w[j]!;
      if (local === undefined) continue;
      const step = w[j]! - local.base[j]!;
      value += (0.5 * local.weight * step + local.correction[j]!) * step;
      gradient[j]! += local.weight * step + local.correction[j]!;
    }
    return value;
  };
}

export const sigmoid = (z: number): number => (z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z)));

/** log(1 + e^z) - label·z, without overflow. */
export const crossEntropy = (z: number, label: 0 | 1): number =>
  Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))) - label * z;

/** The same from a probability; one that is certain and wrong counts as if wrong by 1e-15. */
export const crossEntropyOfProbability = (p: number, label: 0 | 1): number =>
  -Math.log(Math.max(label === 1 ? p : 1 - p, 1e-15));

function accuracy(model: Model, parameters: Float64Array, rows: Rows): number {
  const right = rows.X.filter((row, i) => (model.logit(parameters, row) > 0 ? 1 : 0) === rows.y[i]);
  return right.length / rows.X.length;
}
