import { readModelKey, readSeal } from "@mednexus/sdk";
import { expect } from "chai";
import { AbiCoder, type Contract, ZeroHash, id, keccak256, toUtf8Bytes } from "ethers";
import { type Holder, type SealedWorld, describeSealed } from "../../fixtures/sealed.ts";

describeSealed("ModelINFT: clones", (get) => {
  let w: SealedWorld;
  let alice: Holder;
  let bob: Holder;
  let carol: Holder;
  let model: bigint;

  before(() => ({ w, alice, bob, carol, model } = get()));
  const split = async (of: bigint) =>
    ((await w.inft.splitOf(of)) as unknown as { account: string; bps: bigint }[]).map((p) => [p.account, p.bps]);
  const open = (shareBps = 2_000n, of = model) => w.system.done(w.by(alice).fixCloneShare(of, shareBps));

  it("are another token with the same data, key, royalty and runtime; the first stays where it is", async () => {
    await open();
    const k = await readModelKey(w.system.contracts, model, alice.keys.secret);
    const clone = await w.clone(alice, bob, model);
    expect([await w.inft.ownerOf(model), await w.inft.ownerOf(clone)]).to.deep.equal([alice.address, bob.address]);
    expect(await readModelKey(w.system.contracts, clone, bob.keys.secret)).to.equal(k);
    expect(await readModelKey(w.system.contracts, model, alice.keys.secret), "its own seal stays").to.equal(k);
    expect(await w.inft.cloningOf(clone)).to.deep.equal([model, 2_000n]);
    expect(await split(clone)).to.deep.equal([
      [bob.address, 8_000n],
      [alice.address, 2_000n],
    ]);
    for (const view of ["royaltyBpsOf", "runtimeHashOf", "creatorOf", "tokenURI"] as const)
      expect(await w.inft[view](clone), view).to.equal(await w.inft[view](model));
    expect((await readSeal(w.system.contracts, clone)).dataHash).to.equal(
      (await readSeal(w.system.contracts, model)).dataHash,
    );
    // A clone is a sealed token like any other.
    await w.refused(w.by(bob).transferFrom(bob.address, carol.address, clone), "SealedMovesByProof");
    await w.transfer(bob, carol, clone);
    expect(await readModelKey(w.system.contracts, clone, carol.keys.secret)).to.equal(k);
    await w.transfer(alice, carol, model);
    expect(await readModelKey(w.system.contracts, model, carol.keys.secret)).to.equal(k);
  });

  it("write out the parent's share over its payees, to the last basis point", async () => {
    const three = [
      { account: alice.address, bps: 3_334n },
      { account: bob.address, bps: 3_333n },
      { account: carol.address, bps: 3_333n },
    ];
    const of = await w.sealed(alice, three);
    await open(1_999n, of);
    const clone = await w.clone(alice, bob, of);
    // ⌊3,333 · 0.1999⌋ = 666 twice; the first payee has the rest of 1,999.
    expect(await split(clone)).to.deep.equal([
      [bob.address, 8_001n],
      [alice.address, 667n],
      [bob.address, 666n],
      [carol.address, 666n],
    ]);
  });

  it("are closed until the creator opens them, once, for at most a fifth", async () => {
    const offer = await w.offer(model, bob, { clone: true });
    const proof = await w.proof(offer, alice, bob.wallet);
    await w.refused(w.by(alice).iClone(bob.address, model, [proof]), "CloningClosed");
    await w.refused(w.by(bob).fixCloneShare(model, 100n), "NotModelCreator");
    await w.refused(w.by(alice).fixCloneShare(model, 2_001n), "CloneShareTooHigh");
    await w.refused(w.by(alice).fixCloneShare(model, 0n), "CloneShareTooHigh");
    await open(500n);
    await w.refused(w.by(alice).fixCloneShare(model, 100n), "CloneShareFixedAlready");
    // The creator's word, whoever owns the token; a buyer cannot set it.
    const sold = await w.sealed(alice);
    await w.transfer(alice, bob, sold);
    await w.refused(w.by(bob).fixCloneShare(sold, 1n), "NotModelCreator");
  });

  it("[attack 54] use each consent once, and none meant for a transfer", async () => {
    await open();
    const offer = await w.offer(model, bob, { clone: true });
    const proof = await w.proof(offer, alice, bob.wallet);
    await w.refused(w.by(carol).iClone(bob.address, model, [proof]), "ERC721InsufficientApproval");
    await w.system.done(w.by(alice).iCloneFrom(alice.address, bob.address, model, [proof]));
    await w.refused(w.by(alice).iClone(bob.address, model, [proof]), "WrongSequence", w.system.contracts.transfers);
    const moving = await w.proof(await w.offer(model, bob), alice, bob.wallet);
    await w.refused(w.by(alice).iClone(bob.address, model, [moving]), "WrongOrder");
    const plain = await w.plain(alice);
    await open(100n, plain);
    await w.refused(w.by(alice).iClone(bob.address, plain, [moving]), "NotSealed");
  });

  it("[attack 150] nine generations deep: refused once a payee's share would vanish, or the payees are eight", async () => {
    await open();
    let of = model;
    let owner = alice;
    const depth: bigint[] = [];
    for (let generation = 1; generation <= 5; generation++) {
      const next = await w.holder(`generation ${generation}`);
      of = await w.clone(owner, next, of);
      owner = next;
      const shares = await split(of);
      expect(
        shares.reduce((sum, [, bps]) => sum + (bps as bigint), 0n),
        `generation ${generation}`,
      ).to.equal(10_000n);
      depth.push(shares.at(-1)![1] as bigint);
    }
    // 20 % of 20 % of …: what reaches alice at last is 3 basis points, and would be none.
    expect(depth).to.deep.equal([2_000n, 400n, 80n, 16n, 3n]);
    const sixth = await w.holder("generation 6");
    const proof = await w.proof(await w.offer(of, sixth, { clone: true }), owner, sixth.wallet);
    await w.refused(w.by(owner).iClone(sixth.address, of, [proof]), "ShareVanishes");
    expect(await w.inft.ownerOf(of)).to.equal(owner.address);

    const wide = await w.sealed(
      alice,
      Array.from({ length: 8 }, () => ({ account: alice.address, bps: 1_250n })),
    );
    await open(2_000n, wide);
    const ninth = await w.proof(await w.offer(wide, bob, { clone: true }), alice, bob.wallet);
    await w.refused(w.by(alice).iClone(bob.address, wide, [ninth]), "TooManyPayees");
  });
});

describeSealed("ModelINFT: specs", (get) => {
  const hashes = [id("runtime 2"), id("input"), id("output")] as const;

  it("are appended by the owner, with the seal's data and a link to the lineage where there is one", async () => {
    const { w, alice, bob, model } = get();
    const own = w.system.as(alice.wallet).versions;
    const { versions } = w.system.contracts;
    const dataHash = (await readSeal(w.system.contracts, model)).dataHash;
    const refused = (sent: Promise<unknown>, error: string) => w.refused(sent, error, versions);
    await expect(own.publishSpec(model, ...hashes, false, 7, "ipfs://spec"))
      .to.emit(versions as unknown as Contract, "SpecPublished")
      .withArgs(model, 1n, ...hashes, dataHash, false, 0n, "ipfs://spec");
    await refused(own.publishSpec(model, ...hashes, true, 0, ""), "NoLineage");
    await w.system.done(own.startLineage(model, 128, 12, 8));
    await refused(own.publishSpec(model, ...hashes, true, 1, ""), "NoSuchVersion");
    await w.system.done(own.publishSpec(model, ...hashes, true, 0, ""));
    expect(await versions.specCountOf(model)).to.equal(2n);
    const hash = keccak256(
      AbiCoder.defaultAbiCoder().encode(
        ["bytes32", "bytes32", "bytes32", "bytes32", "bool", "uint32", "bytes32"],
        [...hashes, dataHash, false, 0, keccak256(toUtf8Bytes("ipfs://spec"))],
      ),
    );
    expect(await versions.specHashOf(model, 1)).to.equal(hash);
    await refused(versions.specHashOf(model, 0), "NoSuchSpec");
    await refused(versions.specHashOf(model, 3), "NoSuchSpec");
    await refused(w.system.as(bob.wallet).versions.publishSpec(model, ...hashes, false, 0, ""), "NotModelOwner");
    await refused(own.publishSpec(model, id("a"), id("b"), ZeroHash, false, 0, ""), "ZeroSpecHash");
  });

  it("[attack 57] refuse an oversize URI", async () => {
    const { w, alice } = get();
    const own = w.system.as(alice.wallet).versions;
    const model = await w.plain(alice);
    const uri = "x".repeat(513);
    await expect(own.publishSpec(model, ...hashes, false, 0, uri))
      .to.be.revertedWithCustomError(w.system.contracts.versions as unknown as Contract, "UriTooLong")
      .withArgs(513n, 512n);
    await w.system.done(own.publishSpec(model, ...hashes, false, 0, uri.slice(1)));
  });
});
