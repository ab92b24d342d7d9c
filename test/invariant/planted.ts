/** Bugs to plant, most of them in the accounts, each with the invariant that has to catch it by itself. */

export interface Planted {
  /** Of the classes that every list has to cover: see planted.test.ts. */
  bug:
    | "owed not zeroed"
    | "released twice"
    | "rounding to the caller"
    | "wrong payee"
    | "stake counted twice"
    | "fee after cap"
    | "exit before the slash"
    | "exit closed"
    | "revocation ignored";
  what: string;
  /** From the repository's root. */
  file: string;
  /** Occurs exactly once in `file`. */
  before: string;
  after: string;
  /** Solidity test file, and the invariant in it that goes red. */
  suite: string;
  invariant: string;
}

const rounds = {
  suite: "test/invariant/rounds/rounds.t.sol",
  invariant: "invariant_P4_P6_P9_everybodyHasWhatIsOwedAndGetsOut",
};
const economy = { suite: "test/invariant/Economy.t.sol", invariant: "invariant_money" };
const market = { suite: "test/invariant/market/market.t.sol", invariant: "invariant_P4_P10_marketOwesWhatItHolds" };

export const planted: readonly Planted[] = [
  {
    bug: "owed not zeroed",
    what: "a credit stays after its withdrawal",
    file: "contracts/vault/Vault.sol",
    before: "_credit[token][msg.sender] = available - amount;",
    after: "_credit[token][msg.sender] = available;",
    ...rounds,
  },
  {
    bug: "owed not zeroed",
    what: "an account stays full when it is paid out",
    file: "contracts/vault/Vault.sol",
    before: "_held[token][purpose][party] = available - amount;",
    after: "_held[token][purpose][party] = available;",
    ...economy,
  },
  {
    bug: "stake counted twice",
    what: "locked stake can be locked again, and leave",
    file: "contracts/vault/Stake.sol",
    before: "return Math.saturatingSub(account.active, account.locked);",
    after: "return account.active;",
    ...rounds,
  },
  {
    bug: "stake counted twice",
    what: "unbonding stake stays active",
    file: "contracts/vault/Stake.sol",
    before: "account.active -= uint96(amount);",
    after: "",
    ...economy,
  },
  {
    bug: "released twice",
    what: "a module releases what another has locked",
    file: "contracts/vault/Stake.sol",
    before: "uint256 own = _lockedFor(account, forJob);",
    after: "uint256 own = account.locked;",
    ...economy,
  },
  {
    bug: "fee after cap",
    what: "the treasury's part is taken from the capped compensation, not from the slash",
    file: "contracts/vault/Stake.sol",
    before: "compensation = Math.min(loss, slashed - cut);",
    after: "compensation = Math.min(loss, slashed);\n        compensation -= Math.min(cut, compensation / 5);",
    ...rounds,
  },
  {
    bug: "fee after cap",
    what: "each faulted node pays the members' whole loss once more",
    file: "contracts/training/DisputeBase.sol",
    before: "Math.saturatingSub(p.membersLoss, vault.heldOf(token, Purposes.COMPENSATION, account))",
    after: "p.membersLoss",
    ...rounds,
  },
  {
    bug: "fee after cap",
    what: "the prover's fee ramps on beyond its maximum",
    file: "contracts/training/RoundSettlement.sol",
    before: "if (elapsed >= ramp) return p.proverFeeMax;",
    after: "",
    ...rounds,
  },
  {
    bug: "fee after cap",
    what: "the protocol's fee is taken on the tips too",
    file: "contracts/libraries/RoundMoney.sol",
    before: "return (base(p, kind) * protocolFeeBps) / BPS;",
    after: "return ((base(p, kind) + TIPS * p.tip) * protocolFeeBps) / BPS;",
    ...rounds,
  },
  {
    bug: "rounding to the caller",
    what: "what records do not divide goes to whoever claims last",
    file: "contracts/training/RoundSettlement.sol",
    before: "_credit(c.token, round, c.sponsor, dust);",
    after: "_credit(c.token, round, msg.sender, dust);",
    ...rounds,
  },
  {
    bug: "released twice",
    what: "a member's claim is not ticked off",
    file: "contracts/training/RoundSettlement.sol",
    before: "account.memberClaims |= bit;",
    after: "",
    ...rounds,
  },
  {
    bug: "released twice",
    what: "a bond that a verdict released is released again by the claim",
    file: "contracts/training/RoundManager.sol",
    before: "u.bondReleased = true;",
    after: "",
    ...rounds,
  },
  {
    bug: "wrong payee",
    what: "a node is paid for a sum that does not stand",
    file: "contracts/training/RoundSettlement.sol",
    before: "_sums().earning(round) & bit != 0 ? node : c.sponsor",
    after: "_sums().earning(round) & bit != 0 ? node : node",
    ...rounds,
  },
  {
    bug: "wrong payee",
    what: "an abandoned campaign's escrow goes to whoever ends it",
    file: "contracts/training/CampaignRegistry.sol",
    before: "_party(id), c.sponsor, refund);",
    after: "_party(id), msg.sender, refund);",
    ...rounds,
  },
  {
    bug: "owed not zeroed",
    what: "what was collected of a licence is not written down",
    file: "contracts/market/LicenseMarket.sol",
    before: "l.collected = uint128(total);",
    after: "",
    ...market,
  },
  {
    bug: "rounding to the caller",
    what: "a licensee that closes keeps the fraction of a unit that it has used",
    file: "contracts/market/LicenseMarket.sol",
    before: "Math.ceilDiv(uint256(o.price) * l.units * elapsed, duration)",
    after: "(uint256(o.price) * l.units * elapsed) / duration",
    ...market,
  },
  {
    bug: "released twice",
    what: "a settled job can be settled again",
    file: "contracts/market/ComputeMarket.sol",
    before: "job.state = State.Settled;",
    after: "",
    ...market,
  },
  {
    bug: "wrong payee",
    what: "a failed prover's collateral goes to the sponsor when the job ends",
    file: "contracts/market/ComputeMarket.sol",
    before: "_credit(token, id, _parameters().treasury(), toTreasury);",
    after: "_credit(token, id, terms.sponsor, toTreasury);",
    ...market,
  },
  {
    bug: "stake counted twice",
    what: "what a job held is given back to both lockers",
    file: "contracts/vault/Stake.sol",
    before: "if (forJob) account.jobLocked -= uint96(amount);",
    after: "",
    ...market,
  },
  {
    bug: "exit before the slash",
    what: "unbonding stake is out of a slash's reach",
    file: "contracts/vault/Stake.sol",
    before: "taken = Math.min(amount, active + unbonding);",
    after: "taken = Math.min(amount, active);",
    ...economy,
  },
  {
    bug: "exit closed",
    what: "an abandoned campaign waits for its sponsor",
    file: "contracts/training/CampaignRegistry.sol",
    before: "if (msg.sender != c.sponsor && block.timestamp <= uint256(c.idleFrom) + c.idleLimit)",
    after: "if (msg.sender != c.sponsor)",
    ...rounds,
  },
  {
    bug: "revocation ignored",
    what: "a set is frozen whatever was revoked since the commits",
    file: "contracts/training/RoundManager.sol",
    before: 'if ((moved >> i) & 1 == 1) _leaveOut(id, u, "consent");',
    after: 'if ((moved >> i) & 1 == 2) _leaveOut(id, u, "consent");',
    ...rounds,
  },
];
