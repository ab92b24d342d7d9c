/** Gas of a compute job's life and of settling receipts, one by one and eight at a time, on the real contracts under simulated proofs. */
import type { Signer, TransactionReceipt } from "ethers";
import {
  deployMarket,
  GAS,
  type Market,
  type Model,
  NO_PERMIT,
  type ProvenReceipt,
  units,
} from "../../test/fixtures/market.ts";

const BATCH = 8;

export interface MarketGas {
  /** Of each kind of transaction, when all accounts that it pays exist. */
  readonly steps: readonly { readonly step: string; readonly gas: number }[];
  /** `settle` for accounts never paid before, and for others. */
  readonly first: number;
  readonly later: number;
  /** A receipt in a batch of eight: its share of everything but the proof checks, and one proof check. */
  readonly beyondProof: number;
  readonly proof: number;
}

export async function measureMarket(): Promise<MarketGas> {
  const market = await deployMarket();
  const sponsor = await market.system.wallet("bench sponsor");
  const prover = await market.prover("bench");
  const model = await market.model(await market.system.wallet("bench owner"));
  const steps: { step: string; gas: number }[] = [];
  const spent = (step: string, receipt: TransactionReceipt): number => {
    steps.push({ step, gas: Number(receipt.gasUsed) });
    return Number(receipt.gasUsed);
  };
  const locked = async (): Promise<ProvenReceipt> => {
    const job = await market.request(model, {}, sponsor);
    await market.lock(job, prover);
    return market.proven(job, prover);
  };
  const settle = async (): Promise<TransactionReceipt> =>
    market.done(market.as(prover).receipts.settle({ ...(await locked()), signature: "0x" }, GAS));

  const first = spent("settle, nobody paid before", await settle());
  await lifeOf(market, model, sponsor, prover, spent);
  const later = spent("settle", await settle());

  const items: ProvenReceipt[] = [];
  while (items.length < BATCH) items.push(await locked());
  const mined = await market.done(market.as(sponsor).receipts.settleBatch(items, GAS));
  const whole = spent(`settleBatch of ${BATCH}`, mined);
  const proofs = await proofGas(market, mined.hash);
  return { steps, first, later, beyondProof: Math.ceil((whole - proofs) / BATCH), proof: Math.round(proofs / BATCH) };
}

async function lifeOf(
  market: Market,
  model: Model,
  sponsor: Signer,
  prover: Signer,
  spent: (step: string, receipt: TransactionReceipt) => number,
): Promise<void> {
  const terms = await market.terms(model, {}, sponsor);
  await market.system.fund(sponsor, units(1_000));
  spent("request", await market.done(market.as(sponsor).compute.request(terms, "ipfs://input", NO_PERMIT, GAS)));
  const requested = await market.contracts.compute.queryFilter(market.contracts.compute.filters.JobRequested(), -1);
  const job = { id: BigInt(requested.at(-1)!.args.job), terms };
  spent("lock", await market.done(market.as(prover).compute.lock(job.id, terms, GAS)));
  await market.system.time.increaseTo((await market.contracts.compute.jobOf(job.id)).until + 1n);
  spent("expire", await market.done(market.as(sponsor).compute.expire(job.id, terms, GAS)));
  spent("cancel", await market.done(market.as(sponsor).compute.cancel(job.id, terms, GAS)));
}

interface Frame {
  readonly to: string;
  readonly gasUsed: string;
  readonly calls?: readonly Frame[];
}

/** What the calls to ProofVerifier cost in one transaction, with all that they called. */
async function proofGas(market: Market, hash: string): Promise<number> {
  const provider = market.system.connection.provider as unknown as {
    request(call: { method: string; params: unknown[] }): Promise<unknown>;
  };
  const root = (await provider.request({
    method: "debug_traceTransaction",
    params: [hash, { tracer: "callTracer" }],
  })) as Frame;
  const verifier = market.system.deployment.addresses.proofVerifier.toLowerCase();
  const walk = (frame: Frame): number =>
    frame.to?.toLowerCase() === verifier
      ? Number(frame.gasUsed)
      : (frame.calls ?? []).reduce((sum, inner) => sum + walk(inner), 0);
  return walk(root);
}
