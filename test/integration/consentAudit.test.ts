import { auditConsentRefs, auditConsentSet, connect, consentSetHash, readConsentStatus } from "@mednexus/sdk";
import { expect } from "chai";
import { id, ZeroAddress, ZeroHash } from "ethers";
import { finalized, summed } from "../fixtures/settle.ts";
import { DAY, deploySystem, GAS, type Institution, type System } from "../fixtures/system.ts";

describe("the consent set of a model version", () => {
  let system: System;
  let members: Institution[];
  let nodes: Institution[];
  let round: bigint;
  let model: bigint;

  /** Grants anew: the dataset's epoch moves. */
  const regrant = (who: Institution, root = id("grants 2")) =>
    system.done(system.as(who.signer).consent.setGrants(who.dataset, root, 95, true, GAS));
  const chain = () => ({
    contracts: system.contracts,
    provider: system.ethers.provider as never,
    deployment: system.deployment,
  });

  before(async () => {
    system = await deploySystem();
    const made = await system.campaign({ members: 4 });
    ({ members, nodes } = made);
    model = made.terms.model;
    round = await system.committed(made.campaign);
    for (const member of members) await system.submit(round, member);
    // One member's consent moves before the freeze: it is left out, and out of the set.
    await regrant(members[1]!);
    await system.frozen(round);
    await summed(system, round, nodes);
    await finalized(system, round, nodes[0]!);
  });

  it("P7 is computed by the contracts over exactly the included members, in submission order", async () => {
    const refs = [members[0]!, members[2]!, members[3]!].map(({ dataset }) => ({ dataset, version: 1, epoch: 2n }));
    const expected = consentSetHash(31337n, system.deployment.addresses.consent, refs);
    expect((await system.contracts.rounds.frozenOf(round)).consentSetHash).to.equal(expected);
    const { versions } = system.contracts;
    const [appended] = await versions.queryFilter(versions.filters.VersionAppended(model, undefined, round));
    expect(appended!.args.consentSetHash).to.equal(expected);
    expect(expected).to.not.equal((await system.contracts.rounds.frozenOf(round)).setHash);
  });

  it("is recomputed from events, with what each consent was", async () => {
    const audit = await auditConsentSet(chain(), round);
    expect(audit.equal).to.equal(true);
    expect(audit.states.map(({ institution }) => institution)).to.deep.equal([0, 2, 3].map((i) => members[i]!.address));
    for (const state of audit.states) {
      const termsHash = await system.contracts.consent.termsHashOf(state.dataset, 1);
      expect(state).to.include({ version: 1, epoch: 2n, standing: true, grantRoot: id("grants"), termsHash });
      expect(state).to.include({ roundedCount: 100, custodial: false });
    }
  });

  it("says the same after consents have moved on, and what they are now", async () => {
    const snapshot = await system.connection.networkHelpers.takeSnapshot();
    await regrant(members[0]!, ZeroHash);
    const audit = await auditConsentSet(chain(), round);
    expect(audit.equal).to.equal(true);
    expect(audit.states.every(({ standing }) => standing)).to.equal(true);
    const { dataset } = members[0]!;
    const purpose = { permission: 6, modifiers: 0n, disease: ZeroHash, region: ZeroHash, project: ZeroHash };
    const status = await readConsentStatus(system.contracts, dataset, { purpose: { ...purpose, user: ZeroAddress } });
    expect(status).to.include({ epoch: 3n, version: 1, grantRoot: ZeroHash, custodial: true, refusal: "NoGrants" });
    await system.pass(DAY);
    const other = members[2]!.dataset;
    const ask = async (change: object) =>
      (await readConsentStatus(system.contracts, other, { purpose: { ...purpose, user: ZeroAddress, ...change } }))
        .refusal;
    expect(await ask({})).to.equal("");
    expect(await ask({ permission: 4 })).to.equal("PurposeRefused: permission");
    await snapshot.restore();
  });

  it("a receipt's datasets are audited by the same function; every swap and every state that did not stand shows", async () => {
    const { consent } = system.deployment.addresses;
    const refs = [1, 3].map((i) => ({ dataset: members[i]!.dataset, version: 1, epoch: i === 1 ? 3n : 2n }));
    const recorded = consentSetHash(31337n, consent, refs);
    const good = await auditConsentRefs(chain(), refs, recorded);
    expect([good.equal, good.states.map(({ custodial, standing }) => [custodial, standing])]).to.deep.equal([
      true,
      [
        [true, true],
        [false, true],
      ],
    ]);
    const [a, b] = refs as [(typeof refs)[0], (typeof refs)[0]];
    for (const other of [
      [b, a],
      [a],
      [a, b, b],
      [{ ...a, epoch: 2n }, b],
      [a, { ...b, version: 2 }],
      [a, { ...b, dataset: 1n }],
    ])
      expect((await auditConsentRefs(chain(), other, recorded)).equal).to.equal(false);
    const standing = async (ref: object) => {
      const one = [{ ...b, ...ref }];
      const audit = await auditConsentRefs(chain(), one, consentSetHash(31337n, consent, one));
      expect(audit.equal).to.equal(true);
      return audit.states[0]!.standing;
    };
    expect(await standing({})).to.equal(true);
    expect(await standing({ epoch: 1n }), "terms without grants").to.equal(false);
    expect(await standing({ epoch: 0n }), "nothing yet").to.equal(false);
    expect(await standing({ epoch: 9n }), "an epoch that never was").to.equal(false);
    expect(await standing({ version: 2 }), "another version").to.equal(false);
  });

  it("[attack 130] a node that leaves events out is found out, not believed", async () => {
    const real = system.ethers.provider;
    const blind: typeof real = new Proxy(real, {
      get: (target, name) => {
        if (name === "provider") return blind;
        if (name === "getLogs") return async (filter: object) => (await target.getLogs(filter)).slice(0, -1);
        const value = Reflect.get(target, name, target) as unknown;
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    const contracts = connect(system.deployment, blind as never);
    const ref = { dataset: members[0]!.dataset, version: 1, epoch: 2n };
    try {
      await auditConsentRefs({ ...chain(), contracts }, [ref], ZeroHash);
      expect.fail("believed");
    } catch (error) {
      expect(error).to.have.property("code", "EVENTS_MISSING");
    }
  });
});
