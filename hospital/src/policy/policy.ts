import { MedNexusError, type Terms } from "@mednexus/sdk";

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
  /** Committee nodes this hospital shares with, by address, each with its share key's fingerprint, learnt from that institution itself. Empty: the chain's word is taken. */
  readonly nodeKeys: Readonly<Record<string, string>>;
  /**
   * Whether to contribute again on a base on which an earlier round froze a set with this hospital in it. The two sums
   * differ by little more than those who came or left between them, so this gives their updates away. Refused by default.
   */
  readonly repeatBase: boolean;
}

export const POLICY_DEFAULTS: Policy = {
  permissions: [],
  sponsors: [],
  minMembers: 3,
  noise: 0,
  nodeKeys: {},
  repeatBase: false,
};

const veto = (why: string): never => {
  throw new MedNexusError("POLICY_VETO", `local policy refuses: ${why}`);
};

/** Throws `POLICY_VETO`, naming the rule, when the node must not take part in a campaign of these terms. */
export function requirePolicy(policy: Policy, terms: Terms): void {
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

/** Throws `POLICY_VETO` when an earlier round on this base froze a set with this hospital's update in it. */
export function requireFreshBase(policy: Policy, earlier: bigint | undefined): void {
  if (earlier !== undefined && !policy.repeatBase)
    veto(
      `round ${earlier} froze a set with this hospital's update on the same base; a second sum would give members away`,
    );
}
