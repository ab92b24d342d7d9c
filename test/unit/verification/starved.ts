import { expect } from "chai";
import type { Verification } from "./deploy.ts";

/** Calls ProofVerifier with `data`, which holds, under ever more gas: an answer comes from a complete run alone, and says true. */
export async function expectStarvedReverts(v: Verification, data: string): Promise<void> {
  const call = { to: await v.verifier.getAddress(), data };
  const enough = await v.ethers.provider.estimateGas(call);
  let reverted = 0;
  for (let gas = 60_000n; gas < enough; gas += 20_000n) {
    try {
      const answer = await v.ethers.provider.call({ ...call, gasLimit: gas });
      expect(BigInt(answer), `gas ${gas}`).to.equal(1n);
    } catch (error) {
      if ((error as Error).name === "AssertionError") throw error;
      reverted++;
    }
  }
  expect(reverted).to.be.greaterThan(5);
}
