/** From an action to the call that does it. */
import type { Contracts, UpdateDetail } from "@mednexus/sdk";
import type { Action } from "./decide.ts";
import type { Job } from "./outbox.ts";
import type { Finalization } from "./prover.ts";
import type { RoundSnapshot } from "./snapshot.ts";

/** What some calls re-supply. */
export interface Material {
  readonly round?: RoundSnapshot;
  readonly finalization?: Finalization;
}

export function jobOf(contracts: Contracts, action: Exclude<Action, { kind: "prove" }>, material: Material): Job {
  const { data, contract } = encode(contracts, action, material);
  return {
    key: action.key,
    call: { to: contract.target as string, data },
    ...(action.kind.startsWith("claim") ? { once: true } : {}),
  };
}

function encode(contracts: Contracts, action: Exclude<Action, { kind: "prove" }>, { round, finalization }: Material) {
  const { campaigns, rounds, disputes, sums, settlement } = contracts;
  switch (action.kind) {
    case "openRound":
      return { contract: rounds, data: rounds.interface.encodeFunctionData("openRound", [action.campaign]) };
    case "endCampaign":
      return { contract: campaigns, data: campaigns.interface.encodeFunctionData("end", [action.campaign]) };
    case "draw":
    case "endCommit":
      return { contract: rounds, data: rounds.interface.encodeFunctionData(action.kind as "draw", [action.round]) };
    case "verifyBatch": {
      const chosen = round!.updates.filter(({ memberKey }) => action.members.includes(memberKey));
      const institutions = chosen.map(({ institution }) => institution);
      const details = chosen.map(({ detail }) => detailOf(detail));
      const data = rounds.interface.encodeFunctionData("verifyBatch", [action.round, institutions, details]);
      return { contract: rounds, data };
    }
    case "freeze": {
      const institutions = round!.updates.map(({ institution }) => institution);
      const cs = round!.updates.map(({ detail }) => detail.c);
      return {
        contract: rounds,
        data: rounds.interface.encodeFunctionData("freeze", [action.round, institutions, cs]),
      };
    }
    case "settleComplaint": {
      const args = [action.round, action.memberKey, action.nodeIndex] as const;
      return { contract: disputes, data: disputes.interface.encodeFunctionData("settleComplaint", [...args]) };
    }
    case "faultSum":
      return { contract: sums, data: sums.interface.encodeFunctionData("faultSum", [action.round, action.nodeIndex]) };
    case "finalize":
      return { contract: settlement, data: settlement.interface.encodeFunctionData("finalize", [finalization!]) };
    case "claimMember": {
      const args = [action.round, action.memberKey] as const;
      return { contract: settlement, data: settlement.interface.encodeFunctionData("claimMember", [...args]) };
    }
    case "claimNode": {
      const args = [action.round, action.nodeIndex] as const;
      return { contract: settlement, data: settlement.interface.encodeFunctionData("claimNode", [...args]) };
    }
    default:
      return {
        contract: settlement,
        data: settlement.interface.encodeFunctionData(action.kind as "fail", [action.round]),
      };
  }
}

const detailOf = (detail: UpdateDetail) => ({ ...detail, a: [...detail.a] });
