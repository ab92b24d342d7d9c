import { SnarkjsBackend } from "@mednexus/circuits";
import {
  authorizeUsage,
  cloneSealed,
  contentKey,
  modelKeyHash,
  readModelKey,
  readSeal,
  readSealOffer,
  rekeyedProof,
  rekeyFor,
  revokeUsage,
  type SealOffer,
  signSealConsent,
  transferSealed,
  type TransferProof,
} from "@mednexus/sdk";
import { expect } from "chai";
import { type Holder, type SealedWorld, describeSealed } from "../../fixtures/sealed.ts";
import { DAY } from "../../fixtures/system.ts";
import { codeOf } from "../../utils/codeOf.ts";

/** What a dApp does, with proofs made by the circuit and nothing simulated. */
describeSealed("a sealed model is sold, cloned and sold on, proved by the circuit rekey", (get) => {
  let w: SealedWorld;
  let backend: SnarkjsBackend;
  before(() => {
    ({ w } = get());
    backend = new SnarkjsBackend(w.system.simulator.curve);
  });
  after(() => backend.close());

  const contracts = (who: Holder) => w.system.as(who.wallet);
  const offerTo = async (model: bigint, to: Holder, clone = false): Promise<SealOffer> =>
    readSealOffer(contracts(to), {
      model,
      to: to.address,
      receiver: to.keys.publicKey,
      deadline: (await w.system.now()) + DAY,
      clone,
    });
  const prove = async (offer: SealOffer, from: Holder, to: Holder): Promise<TransferProof> => {
    const { deployment, random } = w.system;
    const consent = await signSealConsent(to.wallet, deployment, offer);
    const witness = await rekeyFor(contracts(from), deployment, offer, from.keys.secret, random);
    const { proof, publicInputs } = await backend.prove("rekey", 1, witness);
    expect(publicInputs, "the contract's words").to.deep.equal(await w.rekeyInputs(offer, witness.next));
    return rekeyedProof(offer, witness.next, consent, w.rekeyVerifier, proof);
  };

  it("each owner opens the same key; an old one opens nothing any more, and cannot prove", async function () {
    this.timeout(600_000);
    const { alice, bob, carol } = get();
    const model = await w.plain(alice);
    const k = await w.seal(alice, model);
    await w.system.done(contracts(alice).inft.fixCloneShare(model, 1_000n));

    const first = await offerTo(model, bob);
    const sale = await prove(first, alice, bob);
    const { gasUsed } = await transferSealed(contracts(alice), first, sale);
    console.log(`      iTransfer by rekey: ${gasUsed} gas`);
    expect(await w.inft.ownerOf(model)).to.equal(bob.address);
    expect(await readModelKey(contracts(bob), model, bob.keys.secret)).to.equal(k);
    expect((await readSeal(contracts(bob), model)).keyHash).to.equal(modelKeyHash(k));
    expect(contentKey(k)).to.have.length(32);

    const copy = await offerTo(model, carol, true);
    const cloned = await cloneSealed(contracts(bob), copy, await prove(copy, bob, carol));
    expect(await readModelKey(contracts(carol), cloned.model, carol.keys.secret)).to.equal(k);
    const back = await offerTo(cloned.model, alice);
    await transferSealed(contracts(carol), back, await prove(back, carol, alice));
    expect(await readModelKey(contracts(alice), cloned.model, alice.keys.secret)).to.equal(k);

    // [attack 54]: alice knows k for ever, and still can open and prove nothing about bob's token.
    const again = await offerTo(model, carol);
    const witness = rekeyFor(contracts(alice), w.system.deployment, again, alice.keys.secret);
    expect(await codeOf(witness)).to.equal("SEAL_MISMATCH");

    await authorizeUsage(contracts(bob), model, carol.address, (await w.system.now()) + DAY);
    expect(await w.inft.mayUse(model, carol.address)).to.equal(true);
    await revokeUsage(contracts(bob), model, carol.address);
    expect(await w.inft.mayUse(model, carol.address)).to.equal(false);
  });
});
