/** From an action to the call that does it. */
import type { Contracts, JobTerms, ProvenReceipt } from "@mednexus/sdk";
import type { Job } from "../outbox.ts";
import type { JobAction } from "./decide.ts";

/** ethers wants arrays it could write to. */
const encodable = (terms: JobTerms) => ({ ...terms, provers: [...terms.provers], attesters: [...terms.attesters] });

export interface Material {
  readonly terms: (job: bigint) => JobTerms;
  readonly item: (job: bigint) => ProvenReceipt;
  readonly token: string;
  readonly payee: string;
}

export function callOf(
  { compute, receipts, vault }: Contracts,
  action: Exclude<JobAction, { kind: "prepare" | "prove" }>,
  { terms, item, token, payee }: Material,
): Job {
  switch (action.kind) {
    case "settle": {
      const items = action.jobs.map((job) => ({ ...item(job), terms: encodable(item(job).terms) }));
      const data =
        items.length === 1
          ? receipts.interface.encodeFunctionData("settle", [items[0]!])
          : receipts.interface.encodeFunctionData("settleBatch", [items]);
      return { key: action.key, call: { to: receipts.target as string, data } };
    }
    case "collect": {
      const data = vault.interface.encodeFunctionData("withdrawTo", [token, payee, action.amount]);
      return { key: action.key, call: { to: vault.target as string, data } };
    }
    default: {
      const data = compute.interface.encodeFunctionData(action.kind as "lock", [
        action.job,
        encodable(terms(action.job)),
      ]);
      return { key: action.key, call: { to: compute.target as string, data } };
    }
  }
}
