/** The conservation check (P4): what went in and out of the vault by the token's own Transfer logs, against where it lies. */
import { id, type JsonRpcProvider, toBeHex } from "ethers";
import { type Contracts, decodeLogs, type Deployment, scanLogs } from "@mednexus/sdk";

export interface Conservation {
  readonly token: string;
  readonly deposits: bigint;
  readonly withdrawn: bigint;
  readonly refundable: bigint;
  readonly slashed: bigint;
  readonly held: bigint;
  readonly ok: boolean;
}

const VAULT_EVENTS = new Set(["Deposited", "Moved", "Credited", "Withdrawn"]);
const TRANSFER = id("Transfer(address,address,uint256)");
const asTopic = (address: string): string => `0x${address.slice(2).toLowerCase().padStart(64, "0")}`;
/** Purposes whose money goes back to who paid it unless it is earned. */
const ESCROW = ["campaign", "job", "license"];
const purpose = (name: string): string => id(`mednexus.purpose.${name}`);

/**
 * deposits = withdrawn + refundable + slashed + held, to the wei. Deposits and withdrawals are the token's Transfer logs;
 * the rest is rebuilt from the vault's own events and compared with its views, entry by entry.
 * refundable: escrow of campaigns, jobs and licences, and credits not yet withdrawn; slashed: the treasury's cut of
 * slashes, still credited; held: stakes, rounds and bonds.
 */
export async function checkConservation(
  contracts: Contracts,
  deployment: Deployment,
  provider: JsonRpcProvider,
  treasury: string,
): Promise<Conservation> {
  const { token, addresses, startBlock } = deployment;
  const head = await provider.getBlockNumber();
  const vaultTopic = asTopic(addresses.vault);
  const moved = async (topics: (string | null)[]): Promise<bigint> => {
    const logs = await scanLogs(
      (fromBlock, toBlock) => provider.getLogs({ address: token, topics, fromBlock, toBlock }),
      startBlock,
      head,
    );
    return logs.reduce((sum, log) => sum + BigInt(log.data), 0n);
  };
  const deposits = await moved([TRANSFER, null, vaultTopic]);
  const withdrawn = await moved([TRANSFER, vaultTopic]);

  const heldBy = new Map<string, bigint>();
  const credits = new Map<string, bigint>();
  const add = (map: Map<string, bigint>, key: string, amount: bigint): void =>
    void map.set(key, (map.get(key) ?? 0n) + amount);
  const { vault } = contracts;
  const logs = await scanLogs(
    (fromBlock, toBlock) => provider.getLogs({ address: addresses.vault, fromBlock, toBlock }),
    startBlock,
    head,
  );
  for (const event of decodeLogs({ logs })) {
    const text = (name: string): string => String(event.args[name]);
    if (!VAULT_EVENTS.has(event.name) || text("token").toLowerCase() !== token.toLowerCase()) continue;
    const amount = BigInt(event.args["amount"] as bigint);
    if (event.name === "Deposited") add(heldBy, `${text("purpose")}/${text("party")}`, amount);
    if (event.name === "Moved" || event.name === "Credited")
      add(heldBy, `${text("fromPurpose")}/${text("fromParty")}`, -amount);
    if (event.name === "Moved") add(heldBy, `${text("toPurpose")}/${text("toParty")}`, amount);
    if (event.name === "Credited") add(credits, text("owner").toLowerCase(), amount);
    if (event.name === "Withdrawn") add(credits, text("owner").toLowerCase(), -amount);
  }
  let ok = true;
  for (const [key, amount] of heldBy) {
    const [what = "", party = ""] = key.split("/");
    if ((await vault.heldOf(token, what, party)) !== amount || amount < 0n) ok = false;
  }
  for (const [owner, amount] of credits) if ((await vault.creditOf(token, owner)) !== amount || amount < 0n) ok = false;

  const inEscrow = [...heldBy]
    .filter(([key]) => ESCROW.some((name) => key.startsWith(purpose(name))))
    .reduce((sum, [, amount]) => sum + amount, 0n);
  const held = [...heldBy.values()].reduce((sum, amount) => sum + amount, 0n) - inEscrow;
  const slashes = await scanLogs(
    (from, to) => contracts.stake.queryFilter(contracts.stake.filters.Slashed(), from, to),
    startBlock,
    head,
  );
  const cut = slashes.reduce((sum, log) => sum + log.args.toTreasury, 0n);
  const atTreasury = credits.get(treasury.toLowerCase()) ?? 0n;
  const slashed = cut < atTreasury ? cut : atTreasury;
  const refundable = inEscrow + [...credits.values()].reduce((sum, amount) => sum + amount, 0n) - slashed;
  const balance = BigInt(
    await provider.call({ to: token, data: `${id("balanceOf(address)").slice(0, 10)}${vaultTopic.slice(2)}` }),
  );
  return {
    token,
    deposits,
    withdrawn,
    refundable,
    slashed,
    held,
    ok: ok && deposits === withdrawn + refundable + slashed + held && balance === deposits - withdrawn,
  };
}

/** Rounds whose account still holds money that somebody has to claim. */
export async function unclaimedRounds({ vault, rounds }: Contracts, deployment: Deployment): Promise<number> {
  const opened = await rounds.queryFilter(rounds.filters.RoundOpened(), deployment.startBlock);
  const held = await Promise.all(
    opened.map(({ args }) => vault.heldOf(deployment.token, purpose("round"), toBeHex(args.round, 32))),
  );
  return held.filter((amount) => amount > 0n).length;
}
