import { fromMontgomery } from "../field/prime.ts";
import { type Affine, toAffine } from "../msm/msm.ts";
import { ELEMENT } from "./field.ts";
import { FQ64, sizesOf } from "./kernel.ts";
import { GROUPS, type Space } from "./space.ts";

/** Σ 2^(bits·w)·sums[w], affine. */
export function joinWindows(space: Space, group: "g1" | "g2", bits: number, windows: number, sums: number): Affine {
  const { kernel, lane } = space;
  const { projective } = sizesOf(GROUPS[group]);
  const add = kernel[`${group}_add`];
  space.writeIdentity(lane.sum, GROUPS[group].degree);
  for (let w = windows - 1; w >= 0; w--) {
    for (let k = 0; k < bits; k++) add(lane.sum, lane.scratch, lane.sum, lane.sum);
    add(lane.sum, lane.scratch, lane.sum, sums + projective * w);
  }
  const coordinates = Array.from({ length: projective / ELEMENT }, (_, k) =>
    fromMontgomery(FQ64, space.read(lane.sum + ELEMENT * k, FQ64)),
  );
  return toAffine(GROUPS[group], coordinates);
}
