import { MedNexusError, type RoundView, type Terms } from "@mednexus/sdk";

/** What this hospital lets be done with its data, whatever the chain allows. Empty lists mean "no restriction of this kind". */
export interface Policy {
  /** DUO permission codes that campaigns may ask for. */
  readonly permissions: readonly number[];
  /** Sponsors (addresses) that campaigns may have. */
  readonly sponsors: readonly string[];
  /** Fewest members a sum may hide among; pair rounds need 2 here, said knowingly. */
  readonly minMembers: number;
  /** Standard deviation of Gaussian noise added to each quantized coordinate before committing; 0: none. No privacy budget is claimed for it. */
  readonly noise: number;
}

export const POLICY_DEFAULTS: Policy = { permissions: [], sponsors: [], minMembers: 3, noise: 0 };

/** Throws `POLICY_VETO`, naming the rule, when the node must not take part. */
export function requirePolicy(policy: Policy, terms: Terms, round: RoundView): void {
  const veto = (why: string): never => {
    throw new MedNexusError("POLICY_VETO", `round ${round.id}: local policy refuses: ${why}`);
  };
  if (policy.permissions.length > 0 && !policy.permissions.includes(terms.purpose.permission))
    veto(`purpose DUO ${terms.purpose.permission} is not among ${policy.permissions.join(", ")}`);
  if (
    policy.sponsors.length > 0 &&
    !policy.sponsors.some((sponsor) => sponsor.toLowerCase() === terms.purpose.user.toLowerCase())
  )
    veto(`sponsor ${terms.purpose.user} is not on the list`);
  if (terms.minParticipants < policy.minMembers)
    veto(`a sum over ${terms.minParticipants} members hides less than the ${policy.minMembers} this hospital asks for`);
}
