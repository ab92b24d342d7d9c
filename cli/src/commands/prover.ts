import { composeProver, lockKey, type ProverConfig, readAccount, readProver, readProverConfig } from "@mednexus/keeper";
import { connect, type Contracts, type Deployment, execute, JOB_STATES, scanLogs, tokenAt } from "@mednexus/sdk";
import type { Wallet } from "ethers";
import { type Command, type Option, PROVER_OPTION, proverOption } from "../arguments.ts";
import { openProvider } from "../chain.ts";
import { EXIT, UsageError } from "../exit.ts";
import { logLine, stopSignal } from "../service.ts";

type Values = Readonly<Record<string, string | boolean | undefined>>;

const config: Option = { type: "string", value: "FILE", help: "the prover's configuration file, see keeper/README.md" };
const json: Option = { type: "boolean", help: "print JSON" };

/** Entries that Stake keeps of one party. */
const MAX_UNBONDINGS = 16;

export const proverCommands: Readonly<Record<string, Command>> = {
  stake: {
    summary: "deposit AMOUNT of the stablecoin as stake (smallest unit); jobs lock part of it",
    positionals: "AMOUNT",
    options: { config, json },
    run: (values, [text]) =>
      sending(values, async ({ contracts, deployment, wallet }) => {
        const amount = amountOf(text);
        await tokenAt(deployment.token, wallet).ensureAllowance(deployment.addresses.vault, amount);
        await execute(contracts.stake.deposit, [amount]);
        return { staked: amount };
      }),
  },
  unstake: {
    summary: "start unbonding AMOUNT of free stake; `withdraw` pays it out when its time has come",
    positionals: "AMOUNT",
    options: { config, json },
    run: (values, [text]) =>
      sending(values, async ({ contracts }) => {
        const amount = amountOf(text);
        await execute(contracts.stake.unbond, [amount]);
        return { unbonding: amount };
      }),
  },
  withdraw: {
    summary: "pay out credits, unbonded stake included",
    options: { config, json, to: { type: "string", value: "ADDRESS", help: "another account than the prover's own" } },
    run: (values) =>
      sending(values, async ({ contracts, deployment, wallet, now }) => {
        const ripe = (await unbondings(contracts, wallet.address)).filter(({ releaseAt }) => releaseAt <= now);
        for (const { index } of ripe) await execute(contracts.stake.withdrawUnbonded, [index]);
        const credit = await contracts.vault.creditOf(deployment.token, wallet.address);
        const to = String(values["to"] ?? wallet.address);
        if (credit > 0n) await execute(contracts.vault.withdrawTo, [deployment.token, to, credit]);
        return { unbonded: ripe.map(({ amount }) => amount), withdrawn: credit, to };
      }),
  },
  status: {
    summary: "stake, locks, unbonding, misses, suspension, open jobs and credits of this prover",
    options: { config, json },
    async run(values) {
      const prover = await open(values);
      try {
        const { contracts, deployment, wallet, now, provider } = prover;
        const { address } = wallet;
        const [standing, leaving, head] = await Promise.all([
          readProver(contracts, address),
          unbondings(contracts, address),
          provider.getBlockNumber(),
        ]);
        const taken = await locksOf(contracts, deployment, address, head);
        const jobs = taken.map(({ id, job }) => ({
          job: id,
          acknowledged: job.acknowledged,
          until: Number(job.until),
          late: Number(job.until) < now,
          fee: job.fee,
        }));
        return print(values, { ...standing, unbondings: leaving, jobs });
      } finally {
        prover.close();
      }
    },
  },
  run: {
    summary: "take compute jobs, prove them and collect, until Ctrl-C; events as JSON lines on stdout",
    options: { config, ...PROVER_OPTION },
    async run(values) {
      const settings = readSettings(values);
      const signal = stopSignal();
      const prover = await composeProver({ ...settings, proofs: proverOption(values) ?? settings.proofs }, logLine);
      try {
        await prover.run(signal);
      } finally {
        await prover.close();
      }
      return EXIT.ok;
    },
  },
};

interface Opened {
  readonly contracts: Contracts;
  readonly deployment: Deployment;
  readonly provider: Awaited<ReturnType<typeof openProvider>>;
  readonly wallet: Wallet;
  /** Of the latest block, unix seconds. */
  readonly now: number;
  readonly settings: ProverConfig;
  close(): void;
}

function readSettings(values: Values): ProverConfig {
  const file = values["config"];
  if (typeof file !== "string") throw new UsageError("give --config FILE");
  return readProverConfig(file);
}

async function open(values: Values): Promise<Opened> {
  const settings = readSettings(values);
  const account = readAccount(settings);
  const { deployment } = account;
  const provider = await openProvider(settings.rpcUrl);
  const wallet = account.wallet.connect(provider);
  const now = (await provider.getBlock("latest"))!.timestamp;
  return {
    contracts: connect(deployment, wallet),
    deployment,
    provider,
    wallet,
    now,
    settings,
    close: () => provider.destroy(),
  };
}

/** Not beside a running prover: its transactions and these would take each other's nonces. */
async function sending(values: Values, act: (prover: Opened) => Promise<object>): Promise<number> {
  const prover = await open(values);
  try {
    const lock = lockKey(prover.settings.keyFile, prover.deployment, prover.wallet.address);
    try {
      return print(values, await act(prover));
    } finally {
      lock.unlock();
    }
  } finally {
    prover.close();
  }
}

async function unbondings(contracts: Contracts, party: string) {
  const all = await Promise.all(
    Array.from({ length: MAX_UNBONDINGS }, (_, index) => contracts.stake.unbondingAt(party, index)),
  );
  return all
    .map(([amount, releaseAt], index) => ({ index, amount, releaseAt: Number(releaseAt) }))
    .filter(({ amount }) => amount > 0n);
}

/** Jobs that this prover holds now. */
async function locksOf(contracts: Contracts, deployment: Deployment, prover: string, head: number) {
  const { compute } = contracts;
  const logs = await scanLogs(
    (from, to) => compute.queryFilter(compute.filters.JobLocked(undefined, prover), from, to),
    deployment.startBlock,
    head,
  );
  const ids = [...new Set(logs.map(({ args }) => args.job))];
  const jobs = await Promise.all(ids.map(async (id) => ({ id, job: await compute.jobOf(id) })));
  return jobs.filter(({ job }) => JOB_STATES[Number(job.state)] === "Locked" && job.prover === prover);
}

function amountOf(text: string | undefined): bigint {
  if (text === undefined || !/^[1-9]\d*$/.test(text))
    throw new UsageError("give an AMOUNT in the token's smallest unit");
  return BigInt(text);
}

function print(values: Values, result: object): number {
  if (values["json"] === true) logLine(result);
  else
    for (const [name, value] of Object.entries(result)) {
      const rows = Array.isArray(value) ? value : [value];
      for (const row of rows.length > 0 ? rows : ["none"])
        console.log(`${name.padEnd(12)}${typeof row === "object" ? line(row as object) : String(row)}`);
    }
  return EXIT.ok;
}

const line = (row: object): string =>
  Object.entries(row)
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(", ");
