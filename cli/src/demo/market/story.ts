/** The market's story: what is sold, used, paid, revoked and slashed, one step after another. */
import type { Scenario } from "@mednexus/hospital";
import {
  aggregateHash,
  ASSET,
  buyLicense,
  cancelJob,
  closeLicense,
  collectLicense,
  contentKey,
  execute,
  expireJob,
  feeAt,
  lockJob,
  offerLicense,
  readModelKey,
  readSealedModel,
  readSealOffer,
  rekeyedProof,
  rekeyFor,
  SEAL_PROMISE,
  signSealConsent,
  sweepFees,
  transferSealed,
  verifierId,
} from "@mednexus/sdk";
import {
  consent,
  type Dataset,
  handOverTable,
  makeModel,
  type Model,
  purposeOf,
  queryOf,
  registerTable,
  revoke,
  tokens,
} from "./assets.ts";
import { authorize, deliver, type Job, JOB, payout, readyProver, request, take } from "./jobs.ts";
import { type Market, type Party, UNIT } from "./parties.ts";
import { refusal, type Teller } from "./teller.ts";

const STAKE = 500n * UNIT;
const PRICE = { model: 12n * UNIT, dataset: 8n * UNIT, token: 5_000n * UNIT } as const;
/** Uses that the researcher buys of each. */
const USES = 3;

export async function tellStory(market: Market, scenario: Scenario, seed: number, teller: Teller): Promise<void> {
  const { lab, university, hospital, researcher, prover, rival, vanisher, buyer, keeper, admin } = market.parties;
  const { vault } = market.deployment.addresses;
  let [model, dataset]: [Model | undefined, Dataset | undefined] = [undefined, undefined];
  let revoked: Job | undefined;
  const licenses = { model: 0n, dataset: 0n };
  // Steps are left out once one before them broke off, so what they need is there.
  const sold = (): Model => model!;
  const data = (): Dataset => dataset!;
  const record = (index: number) => queryOf(sold(), data().rows, seed + index);

  await teller.step("mint", "A lab mints its model, proves what it consists of, and seals it", async (check) => {
    model = await makeModel(market, scenario, seed, teller, check);
  });

  await teller.step("register", "A hospital encrypts a table and registers it", async (check) => {
    dataset = await registerTable(market, scenario, teller, check);
  });

  await teller.step("consent", "Patients consent, by purpose", (check) => consent(market, data(), teller, check));

  await teller.step("license", "A researcher licenses both, by the use", async (check) => {
    const offers = {
      model: await offerLicense(lab.contracts, lab.address, {
        asset: "model",
        assetId: sold().id,
        pricing: "perUse",
        price: PRICE.model,
        maxUnits: 10,
      }),
      dataset: await offerLicense(hospital.contracts, hospital.address, {
        asset: "dataset",
        assetId: data().id,
        version: 1,
        pricing: "perUse",
        price: PRICE.dataset,
        maxUnits: 10,
      }),
    };
    for (const [asset, offer] of Object.entries(offers) as ["model" | "dataset", bigint][]) {
      const price = PRICE[asset] * BigInt(USES);
      await market.give(researcher, price);
      const permit = await market.permit(researcher, price);
      const purpose = asset === "dataset" ? { purpose: purposeOf(researcher) } : {};
      const bought = await buyLicense(researcher.contracts, { offer, units: USES, permit, ...purpose });
      check(`the ${asset}'s licence cost what was offered`, bought.paid === price);
      licenses[asset] = bought.license;
      market.due(researcher, -price);
      const assetId = asset === "model" ? sold().id : data().id;
      const licensed = (user: Party) =>
        researcher.contracts.licenses.isLicensed(ASSET[asset], assetId, asset === "dataset" ? 1 : 0, user.address);
      check(
        `the researcher is licensed for the ${asset}, nobody else`,
        (await licensed(researcher)) && !(await licensed(buyer)),
      );
      teller.tell(`${USES} uses of the ${asset} for ${tokens(price)}, paid by permit in one transaction`);
    }
    const rows = await handOverTable(market, data(), researcher);
    check(
      "the researcher reads exactly the hospital's table",
      JSON.stringify(rows.X) === JSON.stringify(data().rows.X),
    );
    teller.tell(`the hospital sealed the table's key to the researcher, who decrypted ${rows.X.length} records`);
  });

  await teller.step("job", "An inference on one record: ramped, locked, proved, settled", async (check) => {
    for (const each of [prover, rival, vanisher]) await readyProver(market, each, STAKE);
    await authorize(market, lab, sold().id, [prover]);
    const job = await request(market, researcher, sold(), record(0), {
      modelLicense: licenses.model,
      dataset: data().id,
      datasetVersion: 1,
      datasetLicense: licenses.dataset,
      purpose: purposeOf(researcher),
      provers: [prover, rival].map(({ address }) => address),
    });
    teller.tell(
      `requested: fee ${tokens(JOB.feeMin)} rising to ${tokens(JOB.feeMax)} in an hour, ${tokens(job.deposit)} in escrow, input and weights secret`,
    );
    check(
      "a prover that the model's owner has not authorised is refused",
      (await refusal(lockJob(rival.contracts, job.id, job.terms))) === "ProverNotAuthorised",
    );
    await market.pass(1_200);
    const parties = { prover, sponsor: researcher, owner: lab, model: sold() };
    const { fee, received } = await take(market, job, parties);
    const { lockedAt, rampStart } = await prover.contracts.compute.jobOf(job.id);
    check(
      "the fee is where the ramp stood",
      fee === feeAt(JOB, lockedAt - rampStart) && fee > JOB.feeMin && fee < JOB.feeMax,
    );
    check("collateral is locked", (await prover.contracts.stake.lockedOf(prover.address)) === JOB.collateral);
    teller.tell(
      `20 minutes later locked for ${tokens(fee)} against ${tokens(JOB.collateral)} of stake; the locker alone opened input and weights, both are what the chain commits to`,
    );
    await deliver(market, job, prover, received, scenario.classes, teller, check);
    check("collateral is free again", (await prover.contracts.stake.lockedOf(prover.address)) === 0n);
  });

  await teller.step("withdraw", "Royalties and data shares are withdrawn", async (check) => {
    const earned = { model: PRICE.model, dataset: PRICE.dataset };
    for (const asset of ["model", "dataset"] as const)
      check(
        `one use of the ${asset} is earned`,
        (await collectLicense(keeper.contracts, licenses[asset])) === earned[asset],
      );
    await owe(market, earned);
    for (const party of [lab, university, hospital, prover]) {
      const amount = await market.withdraw(party);
      check(`${party.name} has something to withdraw`, amount > 0n);
      teller.tell(`${party.name.padEnd(10)} ${tokens(amount).padStart(8)}`);
    }
    check("every wallet holds what the rules give it", await balanced(market, teller, [researcher, admin]));
  });

  await teller.step("sale", "The sealed INFT is sold, and its key proved over to the buyer", async (check) => {
    const plain = execute(lab.contracts.inft.transferFrom, [lab.address, buyer.address, sold().id]);
    check("a transfer without the key is refused", (await refusal(plain)) === "SealedMovesByProof");
    for (const line of SEAL_PROMISE) teller.tell(`- ${line}`);
    const [receiver, amount] = await lab.contracts.inft.royaltyInfo(sold().id, PRICE.token);
    check("the royalty on a sale is the first payee's", receiver === lab.address && amount === PRICE.token / 20n);
    await market.give(buyer, PRICE.token);
    const offer = await readSealOffer(buyer.contracts, {
      model: sold().id,
      to: buyer.address,
      receiver: buyer.seal.publicKey,
      deadline: (await market.now()) + 86_400n,
    });
    const signed = await signSealConsent(buyer.wallet, market.deployment, offer);
    const witness = await rekeyFor(lab.contracts, market.deployment, offer, lab.seal.secret);
    const { proof } = await market.backend.prove("rekey", 1, witness);
    const verifier = BigInt(verifierId(market.deployment, "rekey", 1));
    // Seller and buyer trust each other for this one moment: no contract here holds price and token together.
    await buyer.token.transfer(lab.address, PRICE.token);
    market.due(buyer, -PRICE.token);
    market.due(lab, PRICE.token);
    await transferSealed(lab.contracts, offer, rekeyedProof(offer, witness.next, signed, verifier, proof));
    check("the token is the buyer's", (await buyer.contracts.inft.ownerOf(sold().id)) === buyer.address);
    const key = await readModelKey(buyer.contracts, sold().id, buyer.seal.secret);
    const { dataHash } = await buyer.contracts.inft.sealOf(sold().id);
    const vector = await readSealedModel(market.models, dataHash, contentKey(key));
    const { h } = await buyer.contracts.versions.versionOf(sold().id, 0);
    check("the buyer decrypts the weights, and they are the proven version's", aggregateHash(vector) === h);
    check(
      "the lab opens the token's key no more",
      (await refusal(readModelKey(lab.contracts, sold().id, lab.seal.secret))) === "SEAL_MISMATCH",
    );
    check("licences sold before stand", await lab.contracts.licenses.isUsableBy(licenses.model, researcher.address));
    teller.tell(
      `sold for ${tokens(PRICE.token)} (paid wallet to wallet, not in the transfer's transaction); the proof rekey showed that both sealed keys hold the same key`,
    );
    teller.tell("the buyer opened the key on chain, decrypted the weights and found the proven root");
  });

  await teller.step("revoke", "A job is waiting when a patient revokes", async (check) => {
    await authorize(market, buyer, sold().id, [prover, rival, vanisher]);
    revoked = await request(market, researcher, sold(), record(1), {
      modelLicense: licenses.model,
      dataset: data().id,
      datasetVersion: 1,
      datasetLicense: licenses.dataset,
      purpose: purposeOf(researcher),
      provers: [prover.address],
    });
    const before = await keeper.contracts.consent.epochOf(data().id);
    await revoke(market, data(), 0);
    check("the consent epoch moved", (await keeper.contracts.consent.epochOf(data().id)) > before);
    check(
      "the licence is valid no more",
      !(await researcher.contracts.licenses.isUsableBy(licenses.dataset, researcher.address)),
    );
    teller.tell("signed by the patient's pseudonymous key, relayed by a stranger: no gas, no hospital");
  });

  await teller.step("refused", "The next lock is refused, and the unused part comes back", async (check) => {
    const job = revoked!;
    const refused = await refusal(lockJob(prover.contracts, job.id, job.terms));
    check("the lock is refused by name", refused === "RevokedGrantsStale");
    teller.tell(`lock: ${refused ?? "NOT REFUSED"}`);
    check("the whole deposit comes back", (await cancelJob(researcher.contracts, job.id, job.terms)) === job.deposit);
    market.due(researcher, job.deposit);
    const unused = PRICE.dataset * BigInt(USES - 1);
    check(
      "anybody may close the licence, its unused part is the researcher's",
      (await closeLicense(keeper.contracts, licenses.dataset)) === unused,
    );
    market.due(researcher, unused);
    teller.tell(`job cancelled: ${tokens(job.deposit)} back; licence closed by a stranger: ${tokens(unused)} back`);
  });

  await teller.step("slash", "A prover locks and vanishes; another delivers for fee plus collateral", async (check) => {
    const job = await request(market, researcher, sold(), queryOf(sold(), scenario.evaluation, seed), {
      modelLicense: licenses.model,
      provers: [vanisher, rival].map(({ address }) => address),
    });
    const parties = { sponsor: researcher, owner: buyer, model: sold() };
    const { until } = await take(market, job, { ...parties, prover: vanisher });
    check(
      "nobody can end a lock that still runs",
      (await refusal(expireJob(keeper.contracts, job.id, job.terms))) === "TooEarly",
    );
    await market.pass(Number(until - (await market.now())) + 1);
    const cut = await treasuryCut(market);
    const { slashed, collected } = await expireJob(keeper.contracts, job.id, job.terms);
    check("the whole collateral is slashed", slashed === JOB.collateral && collected === slashed - cut);
    check(
      "the vanished prover's stake is less by it",
      (await keeper.contracts.stake.activeOf(vanisher.address)) === STAKE - slashed,
    );
    teller.tell(
      `locked, acknowledged, gone: after ${JOB.lockWindow / 60} minutes slashed ${tokens(slashed)}, ${tokens(cut)} of it to the treasury`,
    );
    const { received } = await take(market, job, { ...parties, prover: rival });
    const settled = await deliver(market, job, rival, received, scenario.classes, teller, check);
    check("who delivers gets the collateral on top", settled.collected === collected);
    const rules = await payout(market, settled.fee);
    check(
      "the sponsor is whole: it pays one fee with royalty and protocol's fee, as if nobody had vanished",
      job.deposit - settled.refund === settled.fee + rules.royalty + rules.protocol,
    );
  });

  await teller.step("settle", "Everybody withdraws; every wallet is compared with the rules", async (check) => {
    check("the model's second use is earned", (await collectLicense(keeper.contracts, licenses.model)) === PRICE.model);
    await owe(market, { model: PRICE.model, dataset: 0n });
    const unused = PRICE.model * BigInt(USES - 2);
    check(
      "the researcher closes the model's licence for what is unused",
      (await closeLicense(researcher.contracts, licenses.model)) === unused,
    );
    market.due(researcher, unused);
    check("the protocol's fees of the jobs reach the treasury", (await sweepFees(keeper.contracts)) > 0n);
    const cut = await treasuryCut(market);
    for (const party of Object.values(market.parties)) {
      // The treasury leaves its part of the slash where it is: the conservation check shows it.
      const credit = await party.contracts.vault.creditOf(market.deployment.token, party.address);
      const amount = await market.withdraw(party, party === admin ? credit - cut : undefined);
      if (amount > 0n)
        teller.tell(`${(party === admin ? "protocol" : party.name).padEnd(10)} ${tokens(amount).padStart(8)}`);
    }
    check("every wallet holds what the rules give it, to the wei", await balanced(market, teller, []));
    const allowance = await researcher.token.allowance(researcher.address, vault);
    check("no permit left an allowance", allowance === 0n);
  });
}

/** The treasury's part of a job's collateral; the rest of an expired lock's waits for whoever delivers. */
async function treasuryCut({ parties }: Market): Promise<bigint> {
  const { treasuryCutBps } = await parties.admin.contracts.parameters.get();
  return (JOB.collateral * BigInt(treasuryCutBps)) / 10_000n;
}

/** Notes what the rules make of earned licence uses: protocol's fee, royalty to the split, the rest to who sold them. */
async function owe(market: Market, earned: { readonly model: bigint; readonly dataset: bigint }): Promise<void> {
  const { lab, university, hospital, admin } = market.parties;
  const ofModel = await payout(market, earned.model);
  const ofDataset = await payout(market, earned.dataset);
  market.due(university, ofModel.split.university);
  market.due(lab, earned.model - ofModel.protocol - ofModel.split.university);
  market.due(hospital, earned.dataset - ofDataset.protocol);
  market.due(admin, ofModel.protocol + ofDataset.protocol);
}

/** Whether every wallet is as the rules have it; says which are not. `later`: who has not withdrawn yet. */
async function balanced(market: Market, teller: Teller, later: readonly Party[]): Promise<boolean> {
  const wrong = await market.wrongBalances(later);
  for (const line of wrong) teller.tell(line);
  return wrong.length === 0;
}
