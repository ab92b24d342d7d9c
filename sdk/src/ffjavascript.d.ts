/** The part of ffjavascript 0.3.1 that this package uses; the library ships no types of its own. */
declare module "ffjavascript" {
  /** Points are Montgomery little-endian bytes, affine (2 coordinates) or Jacobian (3). */
  export interface FfGroup {
    g: Uint8Array;
    zero: Uint8Array;
    zeroAffine: Uint8Array;
    add(a: Uint8Array, b: Uint8Array): Uint8Array;
    neg(a: Uint8Array): Uint8Array;
    double(a: Uint8Array): Uint8Array;
    isZero(a: Uint8Array): boolean;
    isValid(a: Uint8Array): boolean;
    toAffine(a: Uint8Array): Uint8Array;
    timesScalar(a: Uint8Array, littleEndianScalar: Uint8Array): Uint8Array;
    toUncompressed(a: Uint8Array): Uint8Array;
    fromRprUncompressed(bytes: Uint8Array, offset: number): Uint8Array;
    batchLEMtoU(points: Uint8Array): Promise<Uint8Array>;
    batchUtoLEM(points: Uint8Array): Promise<Uint8Array>;
    batchToAffine(points: Uint8Array): Promise<Uint8Array>;
    multiExpAffine(bases: Uint8Array, littleEndianScalars: Uint8Array): Promise<Uint8Array>;
    ifft(points: Uint8Array, inType: "affine", outType: "affine"): Promise<Uint8Array>;
  }
  export interface FfCurve {
    G1: FfGroup;
    G2: FfGroup;
    pairingEq(...g1AndG2: Uint8Array[]): Promise<boolean>;
    terminate(): Promise<void>;
  }
  export function buildBn128(singleThread?: boolean): Promise<FfCurve>;
}
