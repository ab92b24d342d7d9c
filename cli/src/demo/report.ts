/** What a run prints and writes. */
import { decodeBytes32String, formatUnits } from "ethers";
import { type Contracts, type Deployment, scanLogs } from "@mednexus/sdk";
import type { JsonRpcProvider } from "ethers";
import type { Conservation } from "./money.ts";

export type Role = "institution" | "committee" | "prover" | "creator" | "protocol" | "keeper" | "sponsor";

export interface Payment {
  readonly party: string;
  readonly role: Role;
  readonly token: string;
  readonly amount: bigint;
}

export interface RoundResult {
  readonly round: number;
  readonly members: number;
  readonly accuracy: number;
  readonly loss: number;
  readonly seconds: {
    readonly train: number;
    readonly prove: number;
    readonly aggregate: number;
    readonly total: number;
  };
  readonly gas: { readonly submit: readonly number[]; readonly freeze: number; readonly finalize: number };
}

export interface DemoResult {
  readonly version: 1;
  readonly scenario: string;
  readonly hospitals: number;
  readonly rounds: readonly RoundResult[];
  readonly accuracy: { readonly federated: number; readonly pooled: number; readonly alone: readonly number[] };
  readonly payments: readonly Payment[];
  readonly conservation: readonly Conservation[];
  readonly proofs: { readonly made: number; readonly verifiedOnChain: number };
  readonly history: { readonly rows: number; readonly equalToChain: boolean };
  readonly ok: boolean;
}

/** JSON with amounts as decimal strings in the smallest unit. */
export const toJson = (result: object): string =>
  JSON.stringify(result, (_key, value: unknown) => (typeof value === "bigint" ? value.toString() : value), 2);

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const seconds = (value: number): string => value.toFixed(2);

export const ROUND_HEADER =
  "round  members  loss    accuracy   train s  prove s  aggregate s  total s   gas: submit (mean)   freeze     finalize";

export function roundLine(result: RoundResult): string {
  const { gas } = result;
  const submit = gas.submit.length === 0 ? 0 : Math.round(gas.submit.reduce((a, b) => a + b, 0) / gas.submit.length);
  return [
    String(result.round).padStart(5),
    String(result.members).padStart(7),
    `  ${result.loss.toFixed(4)}`,
    percent(result.accuracy).padStart(9),
    seconds(result.seconds.train).padStart(8),
    seconds(result.seconds.prove).padStart(8),
    seconds(result.seconds.aggregate).padStart(12),
    seconds(result.seconds.total).padStart(8),
    String(submit).padStart(20),
    String(gas.freeze).padStart(8),
    String(gas.finalize).padStart(12),
  ].join(" ");
}

export function summaryLines(result: DemoResult, names: ReadonlyMap<string, string>, decimals: number): string[] {
  const { accuracy } = result;
  const lines = [
    "",
    "Accuracy on held-out rows",
    `  federated   ${percent(accuracy.federated)}`,
    `  pooled      ${percent(accuracy.pooled)}   (all rows in one place: what nobody may do)`,
  ];
  accuracy.alone.forEach((value, i) => lines.push(`  alone ${String(i + 1).padEnd(5)} ${percent(value)}`));
  lines.push(...paymentLines(result.payments, names, decimals), ...conservationLines(result.conservation, decimals));
  lines.push("", `Proofs     ${result.proofs.made} made, ${result.proofs.verifiedOnChain} verified on chain`);
  lines.push(
    `Indexer    ${result.history.rows} rows, ${result.history.equalToChain ? "equal to the chain" : "DIFFERENT from the chain"}`,
  );
  return lines;
}

/** Who was paid what; `names`: parties by lower-case address. */
export function paymentLines(
  payments: readonly Payment[],
  names: ReadonlyMap<string, string>,
  decimals: number,
): string[] {
  const line = ({ party, role, amount }: Payment): string =>
    `  ${role.padEnd(12)} ${(names.get(party.toLowerCase()) ?? party).padEnd(24)} ${formatUnits(amount, decimals).padStart(16)}`;
  return ["", "Paid", ...payments.map(line)];
}

export function conservationLines(conservation: readonly Conservation[], decimals: number): string[] {
  const show = (value: bigint): string => formatUnits(value, decimals);
  const line = (c: Conservation): string =>
    `  deposits ${show(c.deposits)} = withdrawn ${show(c.withdrawn)} + refundable ${show(c.refundable)} + slashed ${show(c.slashed)} + held ${show(c.held)}: ${c.ok ? "holds" : "BROKEN"}`;
  return ["", "Conservation, from the token's own transfers", ...conservation.map(line)];
}

/** Who was paid what, from the contracts' events, summed by party and role. */
export async function readPayments(
  contracts: Contracts,
  deployment: Deployment,
  provider: JsonRpcProvider,
  parties: { readonly treasury: string; readonly sponsor: string },
): Promise<Payment[]> {
  const head = await provider.getBlockNumber();
  const { settlement, vault } = contracts;
  const scan = <T>(read: (from: number, to: number) => Promise<T[]>): Promise<T[]> =>
    scanLogs(read, deployment.startBlock, head);
  const payments = new Map<string, Payment>();
  const add = (party: string, role: Role, amount: bigint): void => {
    if (amount === 0n) return;
    const key = `${role}/${party.toLowerCase()}`;
    payments.set(key, { party, role, token: deployment.token, amount: (payments.get(key)?.amount ?? 0n) + amount });
  };
  const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();
  for (const { args } of await scan((from, to) => settlement.queryFilter(settlement.filters.Claimed(), from, to))) {
    const what = decodeBytes32String(args.role);
    // What members and nodes have no right to is claimed for the sponsor; its credits are counted below, all at once.
    if (same(args.party, parties.sponsor)) continue;
    const role: Role =
      what === "member"
        ? "institution"
        : what === "node"
          ? "committee"
          : same(args.party, parties.treasury)
            ? "protocol"
            : "creator";
    add(args.party, role, args.amount);
  }
  for (const { args } of await scan((from, to) =>
    settlement.queryFilter(settlement.filters.RoundFinalized(), from, to),
  ))
    add(args.payee, "prover", args.proverFee);
  for (const { args } of await scan((from, to) => settlement.queryFilter(settlement.filters.TipPaid(), from, to)))
    add(args.keeper, "keeper", args.amount);
  const refunds = vault.filters.Credited(deployment.token, undefined, undefined, parties.sponsor);
  for (const { args } of await scan((from, to) => vault.queryFilter(refunds, from, to)))
    add(parties.sponsor, "sponsor", args.amount);
  const order: Role[] = ["institution", "committee", "prover", "creator", "protocol", "keeper", "sponsor"];
  return [...payments.values()].sort((a, b) => order.indexOf(a.role) - order.indexOf(b.role));
}
