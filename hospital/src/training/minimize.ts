/** A smooth function of `x`: returns its value and writes the gradient into `gradient`. */
export type Smooth = (x: Float64Array, gradient: Float64Array) => number;

export interface MinimizeOptions {
  readonly maxSteps: number;
  /** Stops when no component of the gradient is larger. */
  readonly tolerance: number;
}

const MEMORY = 10;
const ARMIJO = 1e-4;
const HALVINGS = 40;

/**
 * Limited-memory BFGS with a backtracking line search (Nocedal and Wright, Numerical Optimization, algorithm 7.5): no step size to
 * tune, deterministic, never increases the function. Returns a new vector; `start` is left alone.
 */
export function minimize(f: Smooth, start: Float64Array, options: MinimizeOptions): Float64Array {
  const size = start.length;
  let x = Float64Array.from(start);
  let gradient = new Float64Array(size);
  let value = f(x, gradient);
  const pairs: { s: Float64Array; y: Float64Array; sy: number }[] = [];
  for (let step = 0; step < options.maxSteps && largest(gradient) > options.tolerance; step++) {
    const direction = twoLoop(gradient, pairs);
    let slope = dot(direction, gradient);
    if (!(slope < 0)) {
      // Rounding has spoiled the memory: steepest descent is always downhill.
      pairs.length = 0;
      direction.set(gradient.map((g) => -g));
      slope = -dot(gradient, gradient);
    }
    let length = pairs.length === 0 ? Math.min(1, 1 / Math.sqrt(dot(gradient, gradient))) : 1;
    let accepted = false;
    for (let i = 0; i < HALVINGS && !accepted; i++, length /= 2) {
      const next = x.map((xi, j) => xi + length * direction[j]!);
      const nextGradient = new Float64Array(size);
      const nextValue = f(next, nextGradient);
      if (!(nextValue <= value + ARMIJO * length * slope)) continue;
      accepted = true;
      const s = next.map((xi, j) => xi - x[j]!);
      const y = nextGradient.map((g, j) => g - gradient[j]!);
      const sy = dot(s, y);
      if (sy > 1e-12 * dot(y, y)) pairs.push({ s, y, sy });
      if (pairs.length > MEMORY) pairs.shift();
      [x, gradient, value] = [next, nextGradient, nextValue];
    }
    if (!accepted) {
      if (pairs.length === 0) break; // no descent left at this precision
      pairs.length = 0;
    }
  }
  return x;
}

function twoLoop(
  gradient: Float64Array,
  pairs: readonly { s: Float64Array; y: Float64Array; sy: number }[],
): Float64Array {
  const q = gradient.map((g) => -g);
  const alphas: number[] = [];
  for (const { s, y, sy } of pairs.toReversed()) {
    const alpha = dot(s, q) / sy;
    alphas.push(alpha);
    for (let j = 0; j < q.length; j++) q[j]! -= alpha * y[j]!;
  }
  const last = pairs.at(-1);
  if (last !== undefined) {
    const scale = last.sy / dot(last.y, last.y);
    for (let j = 0; j < q.length; j++) q[j]! *= scale;
  }
  for (const { s, y, sy } of pairs) {
    const correction = alphas.pop()! - dot(y, q) / sy;
    for (let j = 0; j < q.length; j++) q[j]! += correction * s[j]!;
  }
  return q;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let j = 0; j < a.length; j++) sum += a[j]! * b[j]!;
  return sum;
}

function largest(a: Float64Array): number {
  let most = 0;
  for (const value of a) most = Math.max(most, Math.abs(value));
  return most;
}
