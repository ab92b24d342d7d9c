/** One sum a key. */
export function segmentsCpu<T>(
  keys: readonly number[],
  elements: readonly T[],
  plus: (a: T | undefined, b: T) => T,
): Map<number, T> {
  const sums = new Map<number, T>();
  keys.forEach((key, i) => sums.set(key, plus(sums.get(key), elements[i]!)));
  return sums;
}
