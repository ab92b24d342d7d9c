import { expect } from "chai";
import type { Terms } from "@mednexus/sdk";
import { type Policy, POLICY_DEFAULTS, requireFreshBase, requirePolicy } from "./policy.ts";

const USER = `0x${"AB".repeat(20)}`;
const terms = (change: Partial<Terms> = {}): Terms =>
  ({
    minParticipants: 3,
    pair: false,
    purpose: { permission: 6, modifiers: 0n, disease: `0x${"00".repeat(32)}`, user: USER },
    ...change,
  }) as Terms;

const veto = (policy: Partial<Policy>, change: Partial<Terms> = {}): string | undefined => {
  try {
    requirePolicy({ ...POLICY_DEFAULTS, ...policy }, terms(change));
    return undefined;
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe("local policy", () => {
  it("allows by default what the chain allows, but no sum over fewer than three", () => {
    expect(veto({})).to.equal(undefined);
    expect(veto({}, { minParticipants: 2, pair: true })).to.equal("POLICY_VETO");
    expect(veto({ minMembers: 2 }, { minParticipants: 2, pair: true })).to.equal(undefined);
    expect(veto({ minMembers: 5 })).to.equal("POLICY_VETO");
  });

  it("refuses purposes and sponsors that are not listed; addresses in any case", () => {
    expect(veto({ permissions: [6, 42] })).to.equal(undefined);
    expect(veto({ permissions: [42] })).to.equal("POLICY_VETO");
    expect(veto({ sponsors: [USER.toLowerCase()] })).to.equal(undefined);
    expect(veto({ sponsors: [`0x${"cd".repeat(20)}`] })).to.equal("POLICY_VETO");
  });

  it("[attack 143] refuses a second set on one base unless told otherwise", () => {
    expect(() => requireFreshBase(POLICY_DEFAULTS, undefined)).to.not.throw();
    expect(() => requireFreshBase(POLICY_DEFAULTS, 7n)).to.throw(/round 7/);
    expect(() => requireFreshBase({ ...POLICY_DEFAULTS, repeatBase: true }, 7n)).to.not.throw();
  });
});
