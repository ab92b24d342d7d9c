import { verifyProof } from "@mednexus/circuits";
import {
  type Curve,
  CurveError,
  Fr,
  type G1,
  G1_INFINITY,
  type G2,
  G2_INFINITY,
  type Proof,
  type Proved,
  randomFr,
  type RandomBytes,
  readWord,
  systemRandom,
} from "@mednexus/sdk";
import { G1 as GROUP1, G2 as GROUP2, type Group } from "../curve/formulas.ts";
import type { Device } from "../device/device.ts";
import { type Affine, joinWindows, msm, plan, SortedDigits, windowSums } from "../msm/msm.ts";
import { forwardTransform, inverseTransform } from "../stages/ntt/ntt.ts";
import { multiply, quotient } from "../stages/pointwise/pointwise.ts";
import { SCALARS } from "../stages/segments/monoid.ts";
import { rowsKernel, scratchSize, segmentedSum } from "../stages/segments/segments.ts";
import { ProverError } from "./errors.ts";
import { type ResidentKey, type ResidentMatrix, ROW_CHUNK } from "./resident.ts";
import type { ProvingKey } from "./zkey.ts";

const SCALAR_BITS = 254;

/**
 * A Groth16 proof of the assignment (32-byte canonical words), blinded afresh, verified before it is returned.
 * Source: Groth, EUROCRYPT 2016, with snarkjs's quotient on the odd coset.
 * @throws ProverError WITNESS_MISMATCH, PROOF_REJECTED; DeviceError
 */
export async function prove(
  device: Device,
  curve: Curve,
  resident: ResidentKey,
  assignment: Uint8Array<ArrayBuffer>,
  random?: RandomBytes,
): Promise<Proved> {
  return finish(curve, resident.key, await sumsOf(device, resident, assignment), random);
}

/** What the device gives for a proof: the five sums, before blinding. */
export interface Sums {
  readonly a: Affine;
  readonly b1: Affine;
  readonly b2: Affine;
  readonly c: Affine;
  readonly h: Affine;
  readonly publicInputs: readonly bigint[];
}

/** The device's part of a proof. It holds no memory there afterwards. @throws ProverError WITNESS_MISMATCH; DeviceError */
export async function sumsOf(
  device: Device,
  resident: ResidentKey,
  assignment: Uint8Array<ArrayBuffer>,
): Promise<Sums> {
  const { key } = resident;
  if (assignment.length !== 32 * key.wires)
    throw new ProverError("WITNESS_MISMATCH", `a witness of ${assignment.length / 32} wires for a key of ${key.wires}`);
  const wires = device.upload(assignment, "assignment");
  let scalars: GPUBuffer | undefined;
  let sorted: SortedDigits | undefined;
  try {
    scalars = await quotientScalars(device, resident, wires);
    const h = await msm(device, GROUP1, {
      scalars,
      bases: resident.h,
      count: 2 ** key.power,
      words: 8,
      bits: SCALAR_BITS,
    });
    device.free(scalars);
    scalars = undefined;

    const windows = plan(key.wires, SCALAR_BITS);
    sorted = await SortedDigits.sort(
      device,
      windows,
      { count: key.wires, from: 0, words: 8, first: 0, windows: windows.windows },
      wires,
    );
    const sum = async (group: Group, bases: GPUBuffer): Promise<Affine> =>
      joinWindows(group, windows.bits, await windowSums(device, group, sorted!, bases));
    return {
      a: await sum(GROUP1, resident.a),
      b1: await sum(GROUP1, resident.b1),
      b2: await sum(GROUP2, resident.b2),
      c: await sum(GROUP1, resident.c),
      h,
      publicInputs: Array.from({ length: key.publics }, (_, k) => readWord(assignment, 32 * (k + 1), true)),
    };
  } finally {
    sorted?.free(device);
    device.free(wires, scalars);
  }
}

/** The CPU's part: blinds, and verifies. @throws ProverError PROOF_REJECTED */
export async function finish(
  curve: Curve,
  key: ProvingKey,
  sums: Sums,
  random: RandomBytes = systemRandom,
): Promise<Proved> {
  const { publicInputs } = sums;
  const rejected = (cause?: unknown): ProverError =>
    new ProverError(
      "PROOF_REJECTED",
      "the proof made fails its own verification: a wrong witness, or a fault of the device",
      { retryable: true, cause },
    );
  let proof: Proof;
  try {
    proof = blind(curve, key, sums, randomFr(random), randomFr(random));
  } catch (error) {
    if (error instanceof CurveError) throw rejected(error);
    throw error;
  }
  if (!(await verifyProof(curve, key.verifyingKey, publicInputs, proof))) throw rejected();
  return { proof, publicInputs };
}

/** Values of (A·B − C)/Z times Z on the odd coset, as MSM scalars. */
async function quotientScalars(device: Device, resident: ResidentKey, wires: GPUBuffer): Promise<GPUBuffer> {
  const { key, matrices, roots, inverseRoots, coset } = resident;
  const rows = 2 ** key.power;
  const a = device.buffer(32 * (rows + rowScratch(matrices[0])), "A·w");
  const b = device.buffer(32 * (rows + rowScratch(matrices[1])), "B·w");
  const c = device.buffer(32 * rows, "C·w");
  try {
    await device.submit([
      ...rowSums(matrices[0], rows, wires, a),
      ...rowSums(matrices[1], rows, wires, b),
      multiply(rows, a, b, c),
      ...[a, b, c].flatMap((values) => [
        ...inverseTransform(key.power, values, inverseRoots, coset),
        ...forwardTransform(key.power, values, roots),
      ]),
      quotient(rows, a, b, c),
    ]);
    return c;
  } catch (error) {
    device.free(c);
    throw error;
  } finally {
    device.free(a, b);
  }
}

const rowScratch = ({ entries }: ResidentMatrix): number => scratchSize(entries, ROW_CHUNK);

const rowSums = (matrix: ResidentMatrix, rows: number, wires: GPUBuffer, sums: GPUBuffer) =>
  segmentedSum(
    SCALARS,
    { kernel: rowsKernel, buffers: [matrix.columns, matrix.values, wires], param: 0 },
    {
      counts: matrix.count,
      count: 0,
      most: matrix.entries,
      chunk: ROW_CHUNK,
      keys: matrix.keys,
      sums,
      keyBase: 0,
      keyScratch: matrix.entries,
      out: 0,
      scratch: rows,
    },
  );

/** A = α + Σa + rδ, B = β + Σb + sδ, C = Σc + Σh + sA + rB − rsδ. @throws CurveError if a point is none of its group */
function blind(
  curve: Curve,
  { alpha1, beta1, delta1, verifyingKey }: ProvingKey,
  sums: Sums,
  r: bigint,
  s: bigint,
): Proof {
  const { beta, delta } = verifyingKey;
  const a = curve.sum([alpha1, to1(sums.a), curve.mul(delta1, r)]);
  const b1 = curve.sum([beta1, to1(sums.b1), curve.mul(delta1, s)]);
  const b = curve.sumG2([beta, to2(sums.b2), curve.mulG2(delta, s)]);
  const mixed = [curve.mul(a, s), curve.mul(b1, r), curve.mul(delta1, Fr.neg(Fr.mul(r, s)))];
  return { a, b, c: curve.sum([to1(sums.c), to1(sums.h), ...mixed]) };
}

const to1 = (point: Affine): G1 => (point === undefined ? G1_INFINITY : { x: point[0]!, y: point[1]! });
const to2 = (point: Affine): G2 =>
  point === undefined ? G2_INFINITY : { xRe: point[0]!, xIm: point[1]!, yRe: point[2]!, yIm: point[3]! };
