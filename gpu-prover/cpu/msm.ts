import { ELEMENT } from "./field.ts";
import { DOUBLED, NEGATED, sizesOf } from "./kernel.ts";
import { BATCH, GROUPS, MOST_ENTRIES, type Space } from "./space.ts";

/** Words of a scalar with the bias of its digits added. */
export const SCALAR_WORDS = 9;

/** Windows of a sum Σ scalars[k]·bases[k]: for each, Σ digit·base goes to `sums`, projective. Addresses and counts. */
export interface WindowTask {
  readonly group: "g1" | "g2";
  readonly bases: number;
  /** a byte a base: 0 for the identity */
  readonly present: number;
  /** SCALAR_WORDS words each, biased for windows of `bits` */
  readonly scalars: number;
  readonly count: number;
  readonly bits: number;
  readonly first: number;
  readonly windows: number;
  readonly sums: number;
}

/**
 * Bits a window with the least products: six an entry, that shares its inversion, and 23 a bucket, for two projective additions.
 */
export function windowBits(count: number, scalarBits: number): number {
  let best = { bits: 0, cost: Infinity };
  for (let bits = 4; bits <= 16; bits++) {
    const cost = windowsOf(bits, scalarBits) * (6 * count + 23 * 2 ** (bits - 1));
    if (cost < best.cost) best = { bits, cost };
  }
  return best.bits;
}

/** One bit more than the scalars have, for the sign of the last digit. */
export const windowsOf = (bits: number, scalarBits: number): number => Math.ceil((scalarBits + 1) / bits);

/** Windows of `bits` whose buckets one thread has room for, beside some entries. */
export const mostWindows = (bits: number): number => Math.max(1, Math.floor(MOST_ENTRIES / 4 / 2 ** (bits - 1)));

/**
 * `count` scalars, 8 words each or one signed word → 9 words with Σ 2^(bits·w + bits − 1) added, w < windows: digit w is then the w-th window less
 * 2^(bits−1), whatever the others are.
 */
export function bias(
  space: Space,
  from: number,
  width: 1 | 8,
  to: number,
  count: number,
  bits: number,
  windows: number,
): void {
  let constant = 0n;
  for (let w = 0; w < windows; w++) constant += 1n << BigInt(bits * w + bits - 1);
  const added = Array.from({ length: SCALAR_WORDS }, (_, k) => Number((constant >> BigInt(32 * k)) & 0xffffffffn));
  const { words } = space;
  let [source, target] = [from / 4, to / 4];
  for (let k = 0; k < count; k++) {
    const above = width === 1 && words[source]! > 0x7fffffff ? 0xffffffff : 0;
    let carry = 0;
    for (let j = 0; j < SCALAR_WORDS; j++) {
      const sum = (j < width ? words[source + j]! : above) + added[j]! + carry;
      words[target + j] = sum;
      carry = sum > 0xffffffff ? 1 : 0;
    }
    source += width;
    target += SCALAR_WORDS;
  }
}

/**
 * The bucket method with affine buckets: entries are sorted by bucket, then added in pairs, round by round, a batch of pairs sharing one inversion. A batch
 * whose product is zero has a pair of equal x: those are doubled, or, opposite, leave nothing.
 * Source: Pippenger (1976); Bernstein, Doumen, Lange, Oosterwijk, "Faster batch forgery identification" (2012) for signed digits and buckets; Montgomery
 * (1987) for shared inversions.
 */
export function windowSums(space: Space, task: WindowTask): void {
  const { words, bytes, lane } = space;
  const { bits, windows, first, count } = task;
  const { affine, projective } = sizesOf(GROUPS[task.group]);
  const half = 2 ** (bits - 1);
  const [mask, buckets] = [2 ** bits - 1, windows * half];
  const chunk = Math.floor((MOST_ENTRIES - buckets) / windows);
  const held = new Uint32Array(buckets);
  const ends = new Uint32Array(buckets + 1);
  const digits = new Int32Array(Math.min(chunk, count) * windows);
  const sorted = new Uint32Array(digits.length + buckets);
  const pairs = new Pairs(space, task.group, sorted);

  for (let from = 0; from < count; from += chunk) {
    const points = Math.min(chunk, count - from);
    ends.fill(0);
    for (let k = 0; k < points; k++) {
      const there = bytes[task.present + from + k] !== 0;
      const scalar = task.scalars / 4 + SCALAR_WORDS * (from + k);
      for (let w = 0; w < windows; w++) {
        const bit = bits * (first + w);
        const [word, shift] = [scalar + (bit >>> 5), bit & 31];
        const low = words[word]! >>> shift;
        const window = shift + bits > 32 ? low | (words[word + 1]! << (32 - shift)) : low;
        const digit = there ? (window & mask) - half : 0;
        digits[k * windows + w] = digit;
        if (digit !== 0) ends[half * w + Math.abs(digit)]!++;
      }
    }
    for (let b = 0; b < buckets; b++) if (held[b] !== 0) ends[b + 1]!++;
    for (let b = 0; b < buckets; b++) ends[b + 1]! += ends[b]!;
    // `ends[b]` runs from its bucket's start to its end
    for (let b = 0; b < buckets; b++) if (held[b] !== 0) sorted[ends[b]!++] = held[b]!;
    for (let k = 0; k < points; k++) {
      const base = task.bases + affine * (from + k);
      for (let w = 0; w < windows; w++) {
        const digit = digits[k * windows + w]!;
        if (digit > 0) sorted[ends[half * w + digit - 1]!++] = base;
        else if (digit < 0) sorted[ends[half * w - digit - 1]!++] = base + NEGATED;
      }
    }
    pairs.reduce(ends, buckets);
    let start = 0;
    for (let b = 0; b < buckets; b++) {
      held[b] = start < ends[b]! ? sorted[start]! : 0;
      start = ends[b]!;
      // results of this chunk make room for the next one's
      if (held[b]! >= lane.results && held[b]! < lane.buckets && from + chunk < count) {
        const at = lane.buckets + affine * b;
        words.copyWithin(at / 4, held[b]! / 4, (held[b]! + affine) / 4);
        held[b] = at;
      }
    }
  }

  const { degree } = GROUPS[task.group];
  const list = lane.pairs / 4;
  for (let w = 0; w < windows; w++) {
    space.writeIdentity(lane.running, degree);
    space.writeIdentity(lane.sum, degree);
    let top = half;
    while (top > 0 && held[half * w + top - 1] === 0) top--;
    // from the heaviest down, as many at a time as the list takes
    while (top > 0) {
      const some = Math.min(top, 2 * BATCH);
      for (let k = 0; k < some; k++) words[list + k] = held[half * w + top - 1 - k]!;
      space.kernel[`${task.group}_weigh`](lane.pairs, some, lane.running, lane.sum, lane.scratch);
      top -= some;
    }
    const at = task.sums + projective * w;
    words.copyWithin(at / 4, lane.sum / 4, (lane.sum + projective) / 4);
  }
}

/** Rounds of pairwise sums over entries sorted by bucket. */
class Pairs {
  readonly #space: Space;
  readonly #group: "g1" | "g2";
  readonly #entries: Uint32Array;
  readonly #slots = new Uint32Array(BATCH);
  readonly #affine: number;
  readonly #coordinate: number;
  #count = 0;
  #result = 0;

  constructor(space: Space, group: "g1" | "g2", entries: Uint32Array) {
    [this.#space, this.#group, this.#entries] = [space, group, entries];
    ({ affine: this.#affine, coordinate: this.#coordinate } = sizesOf(GROUPS[group]));
  }

  /** Until no bucket has more than one entry. `ends`: where each bucket ends; kept up to date. */
  reduce(ends: Uint32Array, buckets: number): void {
    const entries = this.#entries;
    const { words, lane } = this.#space;
    const list = lane.pairs / 4;
    this.#result = lane.results;
    for (let again = true; again;) {
      again = false;
      let [next, to] = [0, 0];
      for (let b = 0; b < buckets; b++) {
        const end = ends[b]!;
        const start = to;
        let single = 0;
        for (; next < end; next++) {
          const entry = entries[next]!;
          if (entry === 0) continue; // what cancelled out
          if (single === 0) {
            single = entry;
            continue;
          }
          words[list + 2 * this.#count] = single;
          words[list + 2 * this.#count + 1] = entry;
          this.#slots[this.#count] = to;
          entries[to++] = this.#result + this.#affine * this.#count;
          single = 0;
          if (++this.#count === BATCH) this.#add();
        }
        if (single !== 0) entries[to++] = single;
        if (to - start > 1) again = true;
        ends[b] = to;
      }
      if (this.#count > 0) {
        this.#add();
        again ||= this.#cancelled;
      }
      this.#cancelled = false;
    }
  }

  #cancelled = false;

  #add(): void {
    const { kernel, lane } = this.#space;
    const { pairs, work, running, scratch } = lane;
    const degree = GROUPS[this.#group].degree;
    const count = this.#count;
    this.#space.writeOne(running, degree);
    kernel[`${this.#group}_denominators`](pairs, count, work, running, scratch);
    if (this.#space.areZero(running, degree)) {
      this.#separate();
      this.#space.writeOne(running, degree);
      kernel[`${this.#group}_denominators`](pairs, count, work, running, scratch);
    }
    kernel[`${this.#group}_invert`](running, running, scratch);
    const results = this.#result + this.#affine * count;
    kernel[`${this.#group}_chords`](
      pairs + 8 * count,
      count,
      work + 2 * this.#coordinate * count,
      running,
      results,
      scratch,
    );
    this.#result = results;
    this.#count = 0;
  }

  /** Pairs of equal x are doubled; where they are opposite, what comes of that is dropped. */
  #separate(): void {
    const { kernel, words, lane } = this.#space;
    kernel[`${this.#group}_zeros`](lane.work, this.#count, lane.flags, lane.scratch);
    for (let k = 0; k < this.#count; k++) {
      if (words[lane.flags / 4 + k] !== 0) continue;
      const at = lane.pairs / 4 + 2 * k;
      const [a, b] = [words[at]!, words[at + 1]!];
      if (this.#sameY(a, b) !== ((a & NEGATED) === (b & NEGATED))) {
        this.#entries[this.#slots[k]!] = 0;
        this.#cancelled = true;
      }
      words[at] = a | DOUBLED;
    }
  }

  #sameY(a: number, b: number): boolean {
    const { kernel, words, lane } = this.#space;
    const [left, right] = [lane.scratch / 4, (lane.scratch + ELEMENT) / 4];
    for (let k = 0; k < GROUPS[this.#group].degree; k++) {
      const y = this.#coordinate + ELEMENT * k;
      kernel.fq_canonical(lane.scratch, (a & ~3) + y);
      kernel.fq_canonical(lane.scratch + ELEMENT, (b & ~3) + y);
      for (let limb = 0; limb < ELEMENT / 4; limb++) if (words[left + limb] !== words[right + limb]) return false;
    }
    return true;
  }
}
