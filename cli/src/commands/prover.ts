import { composeProver, lockKey, type ProverConfig, readAccount, readProver, readProverConfig } from "@mednexus/keeper";
import { connect, type Contracts, type Deployment, execute, JOB_STATES, scanLogs, tokenAt } from "@mednexus/sdk";
import type { JsonRpcProvider, Wallet } from "ethers";
import { answer } from "../answer.ts";
import {
  type Command,
  JSON_OPTION,
  type Option,
  PROVER_OPTION,
  proverOption,
  required,
  type Values,
} from "../arguments.ts";
import { onChain } from "../chain.ts";
import { UsageError } from "../exit.ts";
import { logLine, runUntilStopped } from "../service.ts";

const config: Option = { type: "string", value: "FILE", help: "the prover's configuration file, see keeper/README.md" };

/** Entries that Stake keeps of one party. */
const MAX_UNBONDINGS = 16;

export const proverCommands: Readonly<Record<string, Command>> = {
  stake: {
    summary: "deposit AMOUNT of the stablecoin as stake (smallest unit); jobs lock part of it",
    positionals: "AMOUNT",
    options: { config, ...JSON_OPTION },
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
    options: { config, ...JSON_OPTION },
    run: (values, [text]) =>
      sending(values, async ({ contracts }) => {
        const amount = amountOf(text);
        await execute(contracts.stake.unbond, [amount]);
        return { unbonding: amount };
      }),
  },
  withdraw: {
    summary: "pay out credits, unbonded stake included",
    options: {
      config,
      ...JSON_OPTION,
      to: { type: "string", value: "ADDRESS", help: "another account than the prover's own" },
    },
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
    options: { config, ...JSON_OPTION },
    run: (values) =>
      withProver(values, async ({ contracts, deployment, wallet, now, provider }) => {
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
        return answer(values, { ...standing, unbondings: leaving, jobs });
      }),
  },
  run: {
    summary: "take compute jobs, prove them and collect, until Ctrl-C; events as JSON lines on stdout",
    options: { config, ...PROVER_OPTION },
    async run(values) {
      const settings = readProverConfig(required(values, "config"));
      const proofs = proverOption(values) ?? settings.proofs;
      return runUntilStopped(() => composeProver({ ...settings, proofs }, logLine));
    },
  },
};

interface Prover {
  readonly contracts: Contracts;
  readonly deployment: Deployment;
  readonly provider: JsonRpcProvider;
  readonly wallet: Wallet;
  /** Of the latest block, unix seconds. */
  readonly now: number;
  readonly settings: ProverConfig;
}

async function withProver(values: Values, act: (prover: Prover) => Promise<number>): Promise<number> {
  const settings = readProverConfig(required(values, "config"));
  const account = readAccount(settings);
  const { deployment } = account;
  return onChain(settings.rpcUrl, deployment, async (provider) => {
    const wallet = account.wallet.connect(provider);
    const now = (await provider.getBlock("latest"))!.timestamp;
    return act({ contracts: connect(deployment, wallet), deployment, provider, wallet, now, settings });
  });
}

/** Not beside a running prover: its transactions and these would take each other's nonces. */
const sending = (values: Values, act: (prover: Prover) => Promise<object>): Promise<number> =>
  withProver(values, async (prover) => {
    const lock = lockKey(prover.settings.keyFile, prover.deployment, prover.wallet.address);
    try {
      return answer(values, await act(prover));
    } finally {
      lock.unlock();
    }
  });

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
