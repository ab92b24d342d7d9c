/**
 * What every signature that the protocol takes has to stand, once: a contract that takes one adds an entry below, and
 * the attacks of the catalogue (60, 61, 63 to 69, 75) run against it; 62 stands in forkedChain.t.sol.
 */
import {
  CAMPAIGN_APPROVAL,
  grantLeaf,
  merkleProof,
  merkleRoot,
  REVOCATION,
  SET_SIGNATURE,
  typedDataDomain,
} from "@mednexus/sdk";
import { expect } from "chai";
import {
  AbiCoder,
  type BaseContract,
  type ContractTransactionResponse,
  type HDNodeWallet,
  id,
  keccak256,
  Signature,
  toBeHex,
  type TypedDataDomain,
  type TypedDataField,
  Wallet,
  ZeroAddress,
  ZeroHash,
} from "ethers";
import { deployEconomy } from "../../fixtures/economy.ts";
import { attested, dataset } from "../../fixtures/institutions.ts";
import { type Connection, DAY, deploySystem, GAS } from "../../fixtures/system.ts";
import { seededRandom } from "../../vectors/seeded.ts";

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

interface SignedAct {
  readonly connection: Connection;
  /** Takes the signature; its error `refusal` says that it does not hold, `again` that it was used. */
  readonly contract: BaseContract;
  readonly types: Record<string, TypedDataField[]>;
  readonly message: Readonly<Record<string, unknown>>;
  readonly signer: Wallet | HDNodeWallet;
  readonly refusal: string;
  readonly again: string;
  /** Whether an account with code is asked by ERC-1271 when no key signed. */
  readonly asksContracts: boolean;
  /** The field that is the last second of the signature's validity, and the error after it. */
  readonly deadline?: { readonly field: string; readonly error: string };
  /** Gas that a refused signature may cost in all, a hostile wallet's share included. */
  readonly gasBound: bigint;
  /** Sends `signature` for `message`; fields of the message that the contract takes as arguments follow it. */
  send(
    signature: string,
    message: Readonly<Record<string, unknown>>,
    gasLimit?: bigint,
  ): Promise<ContractTransactionResponse>;
}

/** HostileWallet's moods; the mood is its first storage slot. */
const MOODS = { Agrees: 0, Refuses: 1, BurnsGas: 2, Floods: 3, AnswersShort: 4 } as const;

function describeSignature(title: string, prepare: () => Promise<SignedAct>): void {
  describe(title, () => {
    let act: SignedAct;
    let snapshot: { restore(): Promise<void> };
    before(async () => {
      act = await prepare();
      snapshot = await act.connection.networkHelpers.takeSnapshot();
    });
    afterEach(() => snapshot.restore());
    after(() => act.connection.close());

    const domain = async (change: TypedDataDomain = {}) => ({
      ...typedDataDomain(31337n, await act.contract.getAddress()),
      ...change,
    });
    const sign = async (message = act.message, change: TypedDataDomain = {}, types = act.types, by = act.signer) =>
      by.signTypedData(await domain(change), types, message);
    const send = (signature: string, message = act.message, gasLimit?: bigint) =>
      act.send(signature, message, gasLimit);
    const refused = async (signature: string, why: string, message = act.message) =>
      expect(send(signature, message), why).to.be.revertedWithCustomError(act.contract, act.refusal);
    const holds = async (signature: string, message = act.message) =>
      expect((await (await send(signature, message)).wait())!.status).to.equal(1);
    /** Puts a HostileWallet's code, or a delegation to it, at the signer's account. */
    const become = async (how: "contract" | "delegating", mood: keyof typeof MOODS) => {
      const { ethers, networkHelpers } = act.connection;
      const wallet = await (await ethers.deployContract("HostileWallet")).getAddress();
      const code = how === "contract" ? await ethers.provider.getCode(wallet) : `0xef0100${wallet.slice(2)}`;
      await networkHelpers.setCode(act.signer.address, code);
      await networkHelpers.setStorageAt(act.signer.address, 0, MOODS[mood]);
    };

    it("holds as it was signed; [attack 63] whoever sends a copy finds it used", async () => {
      const signature = await sign();
      await holds(signature);
      await expect(send(signature)).to.be.revertedWithCustomError(act.contract, act.again);
    });

    it("[attack 60] [attack 61] is for this chain and this contract", async () => {
      await refused(await sign(act.message, { chainId: 1n }), "chain");
      await refused(await sign(act.message, { verifyingContract: act.signer.address }), "contract");
      await refused(await sign(act.message, { name: "MedNexus2" }), "name");
      await refused(await sign(act.message, { version: "2" }), "version");
    });

    it("[attack 69] covers every field, and its own type", async () => {
      const [type] = Object.keys(act.types);
      for (const field of act.types[type!]!) {
        const value = act.message[field.name];
        const other =
          typeof value === "string"
            ? toBeHex(BigInt(value) ^ 1n, (value.length - 2) / 2)
            : BigInt(value as bigint) + 1n;
        await refused(await sign({ ...act.message, [field.name]: other }), field.name);
      }
      await refused(await sign(act.message, {}, { [`${type}2`]: act.types[type!]! }), "type");
      await refused(await sign(act.message, {}, act.types, act.connection.ethers.Wallet.createRandom()), "signer");
      await refused(await act.signer.signMessage("yes"), "another kind of signature");
    });

    it("[attack 65] is one signature: no high s, no other length, no other v", async () => {
      const good = Signature.from(await sign());
      const s = toBeHex(ORDER - BigInt(good.s), 32).slice(2);
      await refused(good.r + s + (good.v === 27 ? "1c" : "1b"), "high s");
      await refused(good.compactSerialized, "64 bytes");
      await refused(`${good.serialized}00`, "66 bytes");
      await refused("0x", "empty");
      for (const v of ["00", "01", "1d"]) await refused(good.serialized.slice(0, -2) + v, `v ${v}`);
    });

    it("[attack 66] a failed recovery is nobody's consent", async () => {
      await refused(`0x${"00".repeat(65)}`, "zeros");
      await refused(`0x${"00".repeat(63)}011b`, "r = 0");
      await refused(`0x${"ff".repeat(32)}${"00".repeat(31)}011b`, "r over the order");
      expect(act.signer.address).to.not.equal(ZeroAddress);
    });

    it("[attack 64] counts in the deadline's second and not after it, where it has one", async () => {
      if (act.deadline === undefined) {
        // Without a deadline a signature holds for ever: years later, too.
        await act.connection.networkHelpers.time.increase(50n * 31_536_000n);
        return holds(await sign());
      }
      const { field, error } = act.deadline;
      const { time, takeSnapshot } = act.connection.networkHelpers;
      const deadline = BigInt(await time.latest()) + 1_000n;
      const message = { ...act.message, [field]: deadline };
      const signature = await sign(message);
      const before = await takeSnapshot();
      await time.setNextBlockTimestamp(deadline);
      await holds(signature, message);
      await before.restore();
      await time.increaseTo(deadline);
      await expect(send(signature, message)).to.be.revertedWithCustomError(act.contract, error);
    });

    it("[attack 67] a contract's account: asked with bounded gas and bounded answer, or not at all", async () => {
      const moods = ["Refuses", "BurnsGas", "Floods", "AnswersShort"] as const;
      for (const mood of act.asksContracts ? moods : (["Agrees", ...moods] as const)) {
        await become("contract", mood);
        await expect(send("0x1234", act.message, 10_000_000n), mood).to.be.revertedWithCustomError(
          act.contract,
          act.refusal,
        );
        const block = await act.connection.ethers.provider.getBlock("latest");
        expect(block!.gasUsed, mood).to.be.below(act.gasBound);
      }
      if (!act.asksContracts) return;
      await become("contract", "Agrees");
      await holds("0x1234");
    });

    it("[attack 68] an account with delegated code signs by its key, whatever the code says", async () => {
      for (const mood of ["Refuses", "BurnsGas"] as const) {
        const before = await act.connection.networkHelpers.takeSnapshot();
        await become("delegating", mood);
        await refused("0x1234", "no key, and the code does not agree");
        await holds(await sign());
        await before.restore();
      }
    });

    it("[attack 75] a delegate whom the account has dropped signs for it no more", async () => {
      const delegate = act.connection.ethers.Wallet.createRandom();
      const signature = await sign(act.message, {}, act.types, delegate);
      await refused(signature, "before it was named");
      for (const how of ["contract", "delegating"] as const) {
        await become(how, "Agrees");
        if (act.asksContracts) {
          const before = await act.connection.networkHelpers.takeSnapshot();
          await holds(signature);
          await before.restore();
        } else await refused(signature, "delegates are not asked");
        await become(how, "Refuses");
        await refused(signature, "dropped");
      }
    });
  });
}

// --- one entry for each signature that the protocol takes

describeSignature("signature: a subject's revocation", async (): Promise<SignedAct> => {
  const e = await deployEconomy();
  await attested(e, e.alice, e.dave, "group a", seededRandom(17n));
  await dataset(e, e.alice, "d1");
  const signer = Wallet.createRandom();
  const salt = id("salt");
  const leaves = [grantLeaf(1n, 1, signer.address, salt), grantLeaf(1n, 1, e.bob.address, id("other"))];
  const none = { regions: [], users: [], projects: [], institutions: [], notBefore: 0n, notAfter: 0n };
  const terms = { permission: 42n, modifiers: 0n, disease: ZeroHash, ...none };
  await e.as(e.consent, e.alice).setTerms!(1n, terms);
  await e.as(e.consent, e.alice).setGrants!(1n, merkleRoot(leaves), 0n, false);
  return {
    connection: e.connection,
    contract: e.consent,
    types: REVOCATION,
    message: { dataset: 1n, leaf: leaves[0]! },
    signer,
    refusal: "BadRevocationSignature",
    again: "AlreadyRevoked",
    asksContracts: false,
    gasBound: 150_000n,
    send: (signature, message, gasLimit) =>
      e.as(e.consent, e.eve).revoke!(
        message["dataset"],
        1n,
        signer.address,
        salt,
        merkleProof(leaves, 0),
        signature,
        gasLimit === undefined ? {} : { gasLimit },
      ),
  };
});

describeSignature("signature: a model owner's approval of a campaign", async (): Promise<SignedAct> => {
  const system = await deploySystem();
  const signer = await system.wallet("owner");
  const model = await system.model(signer);
  const terms = await system.terms({ model });
  const { campaigns } = system.contracts;
  const fragment = campaigns.interface.getFunction("open").inputs[0]!;
  const sponsor = await system.sponsor.getAddress();
  return {
    connection: system.connection,
    contract: campaigns,
    types: CAMPAIGN_APPROVAL,
    message: {
      model,
      termsHash: keccak256(AbiCoder.defaultAbiCoder().encode([fragment], [terms])),
      sponsor,
      nonce: 7n,
      deadline: (await system.now()) + 100n * 365n * DAY,
    },
    signer,
    refusal: "BadOwnerApproval",
    again: "NonceUsed",
    asksContracts: true,
    deadline: { field: "deadline", error: "ApprovalExpired" },
    gasBound: 1_500_000n,
    send: (signature, { nonce, deadline }, gasLimit) =>
      system
        .as(system.sponsor)
        .campaigns.open(
          terms,
          system.deployment.token,
          nonce as bigint,
          deadline as bigint,
          signature,
          gasLimit === undefined ? {} : { gasLimit },
        ),
  };
});

describeSignature("signature: a committee node's word for a set", async (): Promise<SignedAct> => {
  const system = await deploySystem();
  const { campaign, nodes } = await system.campaign();
  const round = await system.committed(campaign);
  const [drawn] = await system.contracts.rounds.committeeOf(round);
  const { signer } = nodes.find(({ address }) => address === drawn[0])!;
  const { sums } = system.contracts;
  const domain = { name: "MedNexus", version: "1", chainId: 31337n, verifyingContract: await sums.getAddress() };
  // The other of the two words that make the offence; it holds whatever becomes of the first.
  const other = await signer.signTypedData(domain, SET_SIGNATURE, { round, setHash: id("set b") });
  return {
    connection: system.connection,
    contract: sums,
    types: SET_SIGNATURE,
    message: { round, setHash: id("set a") },
    signer,
    refusal: "NotEquivocation",
    again: "NotEquivocation",
    asksContracts: true,
    gasBound: 10_000_000n,
    send: (signature, message, gasLimit) =>
      system
        .as(system.sponsor)
        .sums.reportEquivocation(round, 0, message["setHash"] as string, signature, id("set b"), other, {
          gasLimit: gasLimit ?? GAS.gasLimit,
        }),
  };
});
