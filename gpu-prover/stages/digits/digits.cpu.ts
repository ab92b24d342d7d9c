/** Signed digits of one scalar, lowest window first: Σ d_w·2^(bits·w) = scalar, each in (−2^(bits−1), 2^(bits−1)]. */
export function digitsCpu(scalar: bigint, bits: number, windows: number): number[] {
  const sign = scalar < 0n ? -1 : 1;
  const magnitude = scalar < 0n ? -scalar : scalar;
  const [full, half] = [2 ** bits, 2 ** (bits - 1)];
  let carry = 0;
  return Array.from({ length: windows }, (_, w) => {
    let digit = Number((magnitude >> BigInt(bits * w)) & BigInt(full - 1)) + carry;
    carry = digit > half ? 1 : 0;
    if (carry === 1) digit -= full;
    return digit === 0 ? 0 : sign * digit;
  });
}
