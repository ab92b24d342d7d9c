import {
  modelKeyHash,
  randomModelKey,
  readModelKey,
  readSeal,
  signSealConsent,
  type TransferProof,
} from "@mednexus/sdk";
import { expect } from "chai";
import { AbiCoder, type Contract, Wallet, ZeroAddress, ZeroHash, concat, hexlify, id } from "ethers";
import { type Holder, type SealedWorld, describeSealed } from "../../fixtures/sealed.ts";
import { DAY, N } from "../../fixtures/system.ts";
import { codeOf } from "../../utils/codeOf.ts";

const FR = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;
const coder = AbiCoder.defaultAbiCoder();

describeSealed("ModelINFT: sealed models", (get) => {
  let w: SealedWorld;
  let alice: Holder;
  let bob: Holder;
  let carol: Holder;
  let model: bigint;

  before(() => ({ w, alice, bob, carol, model } = get()));
  const refusedByVerifier = (sent: Promise<unknown>, error: string) =>
    w.refused(sent, error, w.system.contracts.transfers);
  const fails = async (sent: Promise<unknown>, code: string) => expect(await codeOf(sent)).to.equal(code);
  const move = (who: Holder, to: string, proof: TransferProof, token = model) =>
    w.by(who).iTransfer(to, token, [proof]);
  const changed = (
    proof: TransferProof,
    access: Partial<TransferProof["accessProof"]>,
    ownership: Partial<TransferProof["ownershipProof"]> = {},
  ): TransferProof => ({
    accessProof: { ...proof.accessProof, ...access },
    ownershipProof: { ...proof.ownershipProof, ...ownership },
  });

  describe("sealing", () => {
    it("puts the key on chain for its owner, who opens it", async () => {
      const token = await w.plain(alice);
      expect(await w.inft.isSealed(token)).to.equal(false);
      expect(await w.inft.intelligentDataOf(token)).to.deep.equal([]);
      const k = await w.seal(alice, token, id("ciphertext"));
      expect(await readModelKey(w.system.contracts, token, alice.keys.secret)).to.equal(k);
      const items = [[await w.inft.tokenURI(token), id("ciphertext")]];
      expect(await w.inft.intelligentDataOf(token)).to.deep.equal(items);
      expect(await w.inft.intelligentDatasOf(token)).to.deep.equal(items);
    });

    it("is the owner's alone, with well-formed words", async () => {
      const token = await w.plain(alice);
      const { key, holder, keyHash } = await readSeal(w.system.contracts, model);
      await w.refused(w.by(bob).seal(token, id("x"), keyHash, key, holder), "NotModelOwner");
      await w.refused(w.by(alice).seal(token, ZeroHash, keyHash, key, holder), "ZeroHash");
      await w.refused(w.by(alice).seal(token, id("x"), 0n, key, holder), "ZeroHash");
      const { transfers } = w.system.contracts;
      for (const [badKey, badHolder, hash] of [
        [key, { x: 0n, y: 1n }, keyHash], // identity
        [key, { x: 0n, y: FR - 1n }, keyHash], // order 2
        [key, { x: holder.x, y: holder.y + 1n }, keyHash], // off the curve
        [key, { x: holder.x + FR, y: holder.y }, keyHash],
        [{ ...key, ex: 0n, ey: 1n }, holder, keyHash],
      ] as const)
        await w.refused(w.by(alice).seal(token, id("x"), hash, badKey, badHolder), "NotSealingPoint", transfers);
      await w.refused(
        w.by(alice).seal(token, id("x"), keyHash, { ...key, c: FR }, holder),
        "NonCanonicalScalar",
        transfers,
      );
      await w.refused(w.by(alice).seal(token, id("x"), FR, key, holder), "NonCanonicalScalar", transfers);
    });

    it("renews with fresh data and a fresh key, and ends what was signed before", async () => {
      const offer = await w.offer(model, bob);
      const proof = await w.proof(offer, alice, bob.wallet);
      const { keyHash, key, holder } = await readSeal(w.system.contracts, model);
      await w.refused(w.by(alice).seal(model, id("fresh"), keyHash, key, holder), "KeyNotFresh");
      const k = await w.seal(alice, model, id("fresh"));
      expect(await readModelKey(w.system.contracts, model, alice.keys.secret)).to.equal(k);
      await refusedByVerifier(move(alice, bob.address, proof), "WrongSequence");
    });

    it("[attack 56] one token, with its clones, stands for one ciphertext: a foreign data hash is refused, old ones too", async () => {
      const { dataHash } = await readSeal(w.system.contracts, model);
      const mine = await w.plain(bob);
      const claim = async (hash: string) => w.seal(bob, mine, hash);
      await fails(claim(dataHash), "REVERT_DataClaimed");
      await w.seal(alice, model);
      await fails(claim(dataHash), "REVERT_DataClaimed");
      await fails(w.seal(alice, model, dataHash), "REVERT_DataClaimed");
      await w.transfer(alice, bob, model);
      await fails(claim((await readSeal(w.system.contracts, model)).dataHash), "REVERT_DataClaimed");
    });

    it("is refused for what campaigns made public, and a sealed model opens none", async () => {
      const { campaign, terms } = await w.system.campaign({ members: 0, nodes: 0 });
      const owner = { wallet: w.system.owner as Wallet, address: await w.system.owner.getAddress(), keys: alice.keys };
      await fails(w.seal(owner, terms.model), "REVERT_OpenModel");
      expect(campaign).to.be.greaterThan(0n);
      const lineage = await w.system.model();
      await w.seal(owner, lineage);
      await w.refused(
        w.system.open(await w.system.terms({ model: lineage })),
        "SealedModel",
        w.system.contracts.versions,
      );
    });
  });

  describe("transfer by proof", () => {
    it("gives token and key to the receiver, and to nobody else", async () => {
      const k = await readModelKey(w.system.contracts, model, alice.keys.secret);
      const before = await readSeal(w.system.contracts, model);
      const offer = await w.offer(model, bob);
      const proof = await w.proof(offer, alice, bob.wallet);
      const sent = move(alice, bob.address, proof);
      await expect(sent)
        .to.emit(w.inft as unknown as Contract, "Transferred")
        .withArgs(model, alice.address, bob.address);
      await expect(sent)
        .to.emit(w.inft as unknown as Contract, "PublishedSealedKey")
        .withArgs(bob.address, model, [proof.ownershipProof.sealedKey]);
      expect(await w.inft.ownerOf(model)).to.equal(bob.address);
      expect(await readModelKey(w.system.contracts, model, bob.keys.secret)).to.equal(k);
      await fails(readModelKey(w.system.contracts, model, alice.keys.secret), "SEAL_MISMATCH");
      const after = await readSeal(w.system.contracts, model);
      expect([after.dataHash, after.keyHash, after.sequence]).to.deep.equal([
        before.dataHash,
        before.keyHash,
        before.sequence + 1n,
      ]);
    });

    it("goes on from hand to hand, also by 0G's name and by an operator", async () => {
      const k = await readModelKey(w.system.contracts, model, alice.keys.secret);
      await w.transfer(alice, bob, model);
      await w.by(bob).approve(carol.address, model);
      const proof = await w.proof(await w.offer(model, carol), bob, carol.wallet);
      await w.refused(w.by(carol).iTransferFrom(alice.address, carol.address, model, [proof]), "ERC721IncorrectOwner");
      await w.system.done(w.by(carol).iTransferFrom(bob.address, carol.address, model, [proof]));
      expect(await readModelKey(w.system.contracts, model, carol.keys.secret)).to.equal(k);
      // To oneself: another key of the same owner.
      const fresh = { ...carol, keys: (await w.holder("carol's next key")).keys };
      await w.transfer(carol, fresh, model);
      expect(await readModelKey(w.system.contracts, model, fresh.keys.secret)).to.equal(k);
    });

    it("[attack 59] ERC-721's own transfers of a sealed token are refused by name, for owner, operator and stranger", async () => {
      await w.by(alice).setApprovalForAll(carol.address, true);
      for (const who of [alice, carol, bob]) {
        await w.refused(w.by(who).transferFrom(alice.address, bob.address, model), "SealedMovesByProof");
        for (const signature of [
          "safeTransferFrom(address,address,uint256)",
          "safeTransferFrom(address,address,uint256,bytes)",
        ] as const) {
          const more = signature.endsWith("bytes)") ? ["0x"] : [];
          const sent = (w.by(who).getFunction(signature) as unknown as (...a: unknown[]) => Promise<unknown>)(
            alice.address,
            bob.address,
            model,
            ...more,
          );
          await w.refused(sent, "SealedMovesByProof");
        }
      }
      expect(await w.inft.ownerOf(model)).to.equal(alice.address);
    });

    it("[attack 54] an old owner's proof is good once: not again, not after a round trip, not for another token", async () => {
      const proof = await w.proof(await w.offer(model, bob), alice, bob.wallet);
      await w.system.done(move(alice, bob.address, proof));
      await w.refused(move(alice, bob.address, proof), "ERC721InsufficientApproval");
      await refusedByVerifier(move(bob, bob.address, proof), "WrongSequence");
      await w.transfer(bob, alice, model);
      await refusedByVerifier(move(alice, bob.address, proof), "WrongSequence");
      const other = await w.sealed(alice);
      await expect(move(alice, bob.address, proof, other)).to.be.revert(w.system.ethers);
      // Consent renewed, Groth16 proof old: it is bound to the seal and the sequence that it was made for.
      const offer = await w.offer(model, bob);
      const fresh = await w.proof(offer, alice, bob.wallet);
      const stale = changed(
        fresh,
        {},
        { proof: proof.ownershipProof.proof, sealedKey: proof.ownershipProof.sealedKey },
      );
      await refusedByVerifier(move(alice, bob.address, stale), "RekeyRejected");
    });

    it("[attack 55] approvals and usage rights end with the owner, and a round trip revives none", async () => {
      await w.by(alice).approve(carol.address, model);
      await w.by(alice).authorizeUsage(model, carol.address);
      await w.transfer(alice, bob, model);
      await w.transfer(bob, alice, model);
      expect(await w.inft.getApproved(model)).to.equal(ZeroAddress);
      expect(await w.inft.mayUse(model, carol.address)).to.equal(false);
      expect(await w.inft.authorizedUsersOf(model)).to.deep.equal([]);
      const proof = await w.proof(await w.offer(model, carol), alice, carol.wallet);
      await w.refused(w.by(carol).iTransfer(carol.address, model, [proof]), "ERC721InsufficientApproval");
    });

    it("refuses strangers, plain tokens, the zero address and any number of proofs but one", async () => {
      const proof = await w.proof(await w.offer(model, bob), alice, bob.wallet);
      await w.refused(move(bob, bob.address, proof), "ERC721InsufficientApproval");
      await w.refused(move(alice, ZeroAddress, proof), "ERC721InvalidReceiver");
      await w.refused(move(alice, bob.address, proof, 99n), "ERC721NonexistentToken");
      await w.refused(move(alice, bob.address, proof, await w.plain(alice)), "NotSealed");
      await w.refused(w.by(alice).iTransfer(bob.address, model, []), "OneProofPerItem");
      await w.refused(w.by(alice).iTransfer(bob.address, model, [proof, proof]), "OneProofPerItem");
    });

    it("binds the order: another receiver, a clone's consent, another owner's", async () => {
      const proof = await w.proof(await w.offer(model, bob), alice, bob.wallet);
      await w.refused(move(alice, carol.address, proof), "WrongOrder");
      const cloning = await w.proof(await w.offer(model, bob, { clone: true }), alice, bob.wallet);
      await w.refused(move(alice, bob.address, cloning), "WrongOrder");
      const offer = await w.offer(model, bob);
      const lie = { ...offer, order: { ...offer.order, from: carol.address } };
      await w.refused(move(alice, bob.address, await w.proof(lie, alice, bob.wallet)), "WrongOrder");
    });

    it("lives until its deadline, to the second", async () => {
      const deadline = (await w.system.now()) + DAY;
      const proof = await w.proof(await w.offer(model, bob, { deadline }), alice, bob.wallet);
      await w.system.time.setNextBlockTimestamp(deadline + 1n);
      await refusedByVerifier(move(alice, bob.address, proof), "OrderExpired");
      const last = (await w.system.now()) + DAY;
      const second = await w.proof(await w.offer(model, bob, { deadline: last }), alice, bob.wallet);
      await w.system.time.setNextBlockTimestamp(last);
      await w.system.done(move(alice, bob.address, second));
    });

    it("needs the receiver's consent, or its assistant's while it is one", async () => {
      const offer = await w.offer(model, bob);
      await refusedByVerifier(move(alice, bob.address, await w.proof(offer, alice, alice.wallet)), "NoConsent");
      const byCarol = await w.proof(offer, alice, carol.wallet);
      await refusedByVerifier(move(alice, bob.address, byCarol), "NoConsent");
      await w.by(bob).delegateAccess(carol.address);
      expect(await w.inft.getDelegateAccess(bob.address)).to.equal(carol.address);
      await w.system.connection.networkHelpers.mine();
      const snapshot = await w.system.connection.networkHelpers.takeSnapshot();
      await w.system.done(move(alice, bob.address, byCarol));
      await snapshot.restore();
      await w.by(bob).delegateAccess(ZeroAddress);
      await refusedByVerifier(move(alice, bob.address, byCarol), "NoConsent");
    });

    it("[attack 60] [attack 61] a consent for another chain or contract is none", async () => {
      const offer = await w.offer(model, bob);
      const proof = await w.proof(offer, alice, bob.wallet);
      const { deployment } = w.system;
      for (const wrong of [
        { ...deployment, chainId: 1 },
        { ...deployment, addresses: { ...deployment.addresses, transfers: deployment.addresses.inft } },
      ]) {
        const signature = await signSealConsent(bob.wallet, wrong, offer);
        await refusedByVerifier(move(alice, bob.address, changed(proof, { proof: signature })), "NoConsent");
      }
    });

    it("[attack 69] every field of what was signed counts", async () => {
      const offer = await w.offer(model, bob);
      const proof = await w.proof(offer, alice, bob.wallet);
      const { order } = offer;
      const others = [
        { ...offer, order: { ...order, deadline: order.deadline + 1n } },
        { ...offer, keyHash: offer.keyHash + 1n },
        { ...offer, newDataHash: id("other") },
        { ...offer, oldDataHash: id("other") },
        { ...offer, receiver: carol.keys.publicKey },
        { ...offer, order: { ...order, sequence: order.sequence + 1n } },
        { ...offer, order: { ...order, model: model + 1n } },
        { ...offer, order: { ...order, clone: true } },
        { ...offer, order: { ...order, from: carol.address } },
      ];
      for (const other of others) {
        const signature = await w.consent(other, bob.wallet);
        await refusedByVerifier(move(alice, bob.address, changed(proof, { proof: signature })), "NoConsent");
      }
    });

    it("[attack 58] bytes moved between neighbouring fields, appended or dropped, are refused", async () => {
      const proof = await w.proof(await w.offer(model, bob), alice, bob.wallet);
      const { nonce, encryptedPubKey } = proof.accessProof;
      const { sealedKey } = proof.ownershipProof;
      const moved = {
        sealedKey: concat([sealedKey, `0x${encryptedPubKey.slice(2, 4)}`]),
        pub: `0x${encryptedPubKey.slice(4)}`,
      };
      for (const bad of [
        changed(proof, { encryptedPubKey: moved.pub }, { encryptedPubKey: moved.pub, sealedKey: moved.sealedKey }),
        changed(proof, { nonce: concat([nonce, "0x00"]) }, { nonce: concat([nonce, "0x00"]) }),
        changed(proof, { nonce: nonce.slice(0, -2) }, { nonce: nonce.slice(0, -2) }),
        changed(proof, { encryptedPubKey: "0x" }, { encryptedPubKey: "0x" }),
        changed(proof, {}, { sealedKey: `${sealedKey}00` }),
        changed(proof, {}, { proof: `${proof.ownershipProof.proof}00` }),
      ])
        await refusedByVerifier(move(alice, bob.address, bad), "BadProofEncoding");
      // One byte from the nonce's end to the key's front, lengths mended by padding: the halves still have to agree with what was signed.
      const shifted = hexlify(concat([`0x${nonce.slice(-2)}`, `0x${encryptedPubKey.slice(2, -2)}`]));
      await expect(
        move(alice, bob.address, changed(proof, { encryptedPubKey: shifted }, { encryptedPubKey: shifted })),
      ).to.be.revert(w.system.ethers);
    });

    it("refuses halves that speak of different things", async () => {
      const offer = await w.offer(model, bob);
      const proof = await w.proof(offer, alice, bob.wallet);
      const other = await w.proof(await w.offer(model, carol), alice, carol.wallet);
      for (const bad of [
        changed(proof, {}, { oldDataHash: id("x") }),
        changed(proof, {}, { newDataHash: id("x") }),
        changed(proof, {}, { nonce: other.ownershipProof.nonce }),
        changed(proof, {}, { encryptedPubKey: other.ownershipProof.encryptedPubKey }),
      ])
        await refusedByVerifier(move(alice, bob.address, bad), "ProofHalvesDiffer");
    });

    it("takes data and key hash as they are when only the circuit vouches", async () => {
      const offer = await w.offer(model, bob);
      await refusedByVerifier(
        move(alice, bob.address, await w.proof({ ...offer, newDataHash: id("x") }, alice, bob.wallet)),
        "WrongData",
      );
      await refusedByVerifier(
        move(alice, bob.address, await w.proof({ ...offer, oldDataHash: id("x") }, alice, bob.wallet)),
        "WrongData",
      );
      await refusedByVerifier(
        move(alice, bob.address, await w.proof({ ...offer, keyHash: offer.keyHash + 1n }, alice, bob.wallet)),
        "WrongKeyHash",
      );
    });

    it("refuses a sealed key that was not proved, a proof of another circuit, a retired verifier", async () => {
      const offer = await w.offer(model, bob);
      const proof = await w.proof(offer, alice, bob.wallet);
      const { ex, ey } = await readSeal(w.system.contracts, model).then((s) => s.key);
      const forged = coder.encode(["uint256", "uint256", "uint256", "uint256"], [ex, ey, 7n, offer.keyHash]);
      await refusedByVerifier(move(alice, bob.address, changed(proof, {}, { sealedKey: forged })), "RekeyRejected");
      const update = BigInt(w.system.deployment.verifiers["update"]![N]!);
      const inputs = await w.rekeyInputs(offer, { ex, ey, c: 7n });
      const words = coder.encode(["uint32"], [update]) + proof.ownershipProof.proof.slice(66);
      expect(inputs.length).to.equal(13);
      await refusedByVerifier(move(alice, bob.address, changed(proof, {}, { proof: words })), "NotRekeyVerifier");
      await w.system.contracts.verifiers.retire(w.rekeyVerifier);
      await w.refused(move(alice, bob.address, proof), "VerifierIsRetired", w.system.contracts.verifiers);
    });
  });

  describe("transfer by attestation", () => {
    it("takes a listed enclave's word for data and key that it encrypted anew; the circuit goes on from there", async () => {
      const enclave = await w.system.wallet("enclave");
      const attestor = await w.enclave(enclave);
      const k = randomModelKey(w.system.random);
      const offer = { ...(await w.offer(model, bob)), newDataHash: id("anew"), keyHash: modelKeyHash(k) };
      const proof = await w.attested(offer, k, attestor, enclave, bob.wallet);
      await expect(move(alice, bob.address, proof)).to.emit(w.inft as unknown as Contract, "MetadataUpdate");
      expect(await readModelKey(w.system.contracts, model, bob.keys.secret)).to.equal(k);
      expect((await readSeal(w.system.contracts, model)).dataHash).to.equal(id("anew"));
      await w.transfer(bob, carol, model);
      expect(await readModelKey(w.system.contracts, model, carol.keys.secret)).to.equal(k);
    });

    it("refuses unlisted and revoked keys, keys for other things, and a word about another sealing", async () => {
      const enclave = await w.system.wallet("enclave");
      const attestor = await w.enclave(enclave);
      const k = await readModelKey(w.system.contracts, model, alice.keys.secret);
      const offer = await w.offer(model, bob);
      const proof = await w.attested(offer, k, attestor, enclave, bob.wallet);
      const by = async (id_: bigint, who: Wallet) =>
        move(alice, bob.address, await w.attested(offer, k, id_, who, bob.wallet));
      await refusedByVerifier(by(attestor, bob.wallet), "AttestationRejected");
      await refusedByVerifier(by(attestor + 1n, enclave), "AttestationRejected");
      const second = await w.attested(offer, k, attestor, enclave, bob.wallet);
      const mixed = changed(proof, {}, { sealedKey: second.ownershipProof.sealedKey });
      await refusedByVerifier(move(alice, bob.address, mixed), "AttestationRejected");
      await refusedByVerifier(
        move(alice, bob.address, await w.attested(offer, k, attestor, enclave, carol.wallet)),
        "NoConsent",
      );
      const low = coder.encode(["uint256", "uint256", "uint256", "uint256"], [0n, 1n, 7n, offer.keyHash]);
      await refusedByVerifier(move(alice, bob.address, changed(proof, {}, { sealedKey: low })), "NotSealingPoint");
      await w.system.contracts.attestations.revoke(attestor);
      await refusedByVerifier(move(alice, bob.address, proof), "AttestationRejected");
    });

    it("[attack 56] an enclave cannot bring data that another token stands for", async () => {
      const enclave = await w.system.wallet("enclave");
      const attestor = await w.enclave(enclave);
      const k = await readModelKey(w.system.contracts, model, alice.keys.secret);
      const { dataHash } = await readSeal(w.system.contracts, await w.sealed(carol));
      const offer = { ...(await w.offer(model, bob)), newDataHash: dataHash };
      await w.refused(
        move(alice, bob.address, await w.attested(offer, k, attestor, enclave, bob.wallet)),
        "DataClaimed",
      );
    });
  });

  it("[attack 67] a receiver that is a hostile wallet can only refuse", async () => {
    const wallet = await w.system.ethers.deployContract("HostileWallet");
    const receiver = { address: await wallet.getAddress(), keys: bob.keys };
    const offer = await w.offer(model, receiver);
    const proof = await w.proof(offer, alice, bob.wallet);
    for (const mood of [1n, 2n, 3n, 4n]) {
      await wallet.setMood!(mood);
      await refusedByVerifier(
        w.by(alice).iTransfer(receiver.address, model, [proof], { gasLimit: 3_000_000n }),
        "NoConsent",
      );
    }
    await wallet.setMood!(0n);
    await w.system.done(move(alice, receiver.address, proof));
    expect(await w.inft.ownerOf(model)).to.equal(receiver.address);
  });
});
