import { montgomeryProduct, type PrimeField } from "../../field/prime.ts";

export const convertCpu = (field: PrimeField, factor: bigint, input: readonly bigint[]): bigint[] =>
  input.map((value) => montgomeryProduct(field, value, factor));
