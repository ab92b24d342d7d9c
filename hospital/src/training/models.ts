import { logistic } from "./logistic.ts";
import { mlp } from "./mlp.ts";
import { requireFit, type Model } from "./trainer.ts";

export type ModelKind = "logistic" | "mlp";

/** More hidden units than this gain little on tables and cost proving time. */
const MOST_UNITS = 8;

/** The model of a campaign. The perceptron takes as many units, up to 8, as fit. Errors: BadInputError naming --size. */
export function createModel(kind: ModelKind, features: number, size: number): Model {
  const units = Math.max(1, Math.min(MOST_UNITS, Math.floor((size - 1) / (features + 2))));
  const model = kind === "logistic" ? logistic(features) : mlp(features, units);
  requireFit(model.parameterCount, size);
  return model;
}
