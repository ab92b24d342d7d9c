import { existsSync, statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { Contract, formatEther, type Provider, Wallet } from "ethers";
import { areKeysCached } from "@mednexus/circuits";
import { connect, type Contracts, Curve, decodeFailure, MedNexusError, readRound, readTerms } from "@mednexus/sdk";
import { readDeployment } from "@mednexus/sdk/node";
import { connectRpc, loadData, requireChain } from "./compose.ts";
import type { Config } from "./config.ts";
import { explain } from "./log.ts";
import { readKeys, shareKeyPair } from "./keys.ts";
import { requirePolicy } from "../policy/policy.ts";
import { keyFingerprint } from "./trust.ts";

/** One thing looked at. `remedy` says what to do where it is not as it should be. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly found: string;
  readonly remedy?: string;
}

const LEAST_DISK = 2 ** 30;
/** Seconds that the newest block may differ from this machine's clock. */
const CLOCK_SLACK = 120;

/** Looks at everything a node needs and changes nothing: neither chain, relay nor disk. Never throws for what it finds. */
export async function doctor(config: Config, now: () => number = () => Date.now() / 1000): Promise<Check[]> {
  const checks: Check[] = [];
  const look = async <T>(
    name: string,
    remedy: string,
    run: () => Promise<[T, string]> | [T, string],
  ): Promise<T | undefined> => {
    try {
      const [value, found] = await run();
      checks.push({ name, ok: true, found });
      return value;
    } catch (error) {
      checks.push({ name, ok: false, found: explain(error).message, remedy });
      return undefined;
    }
  };
  const wrong = (found: string): never => {
    throw new MedNexusError("CHECK", found);
  };

  const keys = await look("key file", "mednexus hospital keygen, or restore it from the backup; chmod 600", () => {
    const found = readKeys(config.keyFile);
    return [found, `account ${new Wallet(found.account).address}, readable by its owner only`];
  });
  await look("state folder", "chmod 700 the folder; give it an owner-only place", () => {
    const stat = statSync(config.dataDir, { throwIfNoEntry: false });
    if (stat === undefined) return [true, "not there yet: made at the first start"];
    if (process.platform !== "win32" && (stat.mode & 0o077) !== 0) wrong("others can look into it");
    return [true, "readable by its owner only"];
  });
  await look("disk space", "free some space: secrets must be stored before anything is sent", () => {
    const { bavail, bsize } = statfsSync(existingParent(config.dataDir));
    const free = bavail * bsize;
    if (free < LEAST_DISK) wrong(`${(free / 2 ** 20).toFixed(0)} MiB free`);
    return [true, `${(free / 2 ** 30).toFixed(1)} GiB free`];
  });
  await look("relay", "check relayUrl and that the relay is running", async () => {
    const response = await fetch(`${config.relayUrl.replace(/\/+$/, "")}/v1/blobs/0x${"00".repeat(32)}`, {
      signal: AbortSignal.timeout(5_000),
      redirect: "error",
    }).catch(() => wrong("no answer"));
    if (response.status !== 404 && response.status !== 200) wrong(`answers ${response.status}, not as a relay does`);
    return [true, "answers"];
  });
  if (config.data !== undefined) {
    const { data } = config;
    await look("table", "correct the CSV, the schema file or the label in the configuration", () => {
      const rows = loadData(data).rows();
      return [true, `${rows.X.length} rows, ${rows.X[0]?.length ?? 0} features`];
    });
  }
  const deployment = await look("deployment file", "use the file that `mednexus deploy` wrote for this network", () => {
    const found = readDeployment(config.deployment);
    return [found, `${found.network}, chain ${found.chainId}`];
  });
  if (deployment === undefined) return checks;

  const provider = connectRpc(config.rpcUrl, deployment.chainId, config.pollMs);
  try {
    const up = await look("chain", "check rpcUrl", async () => {
      await requireChain(provider, deployment.chainId, "rpcUrl");
      return [true, `chain ${deployment.chainId}`];
    });
    if (up === undefined) return checks;
    for (const [i, url] of config.witnessRpcUrls.entries()) {
      const witness = connectRpc(url, deployment.chainId, config.pollMs);
      await look(`witness ${i + 1}`, "check witnessRpcUrls", async () => {
        await requireChain(witness, deployment.chainId, `witnessRpcUrls.${i}`);
        return [true, `chain ${deployment.chainId}`];
      });
      witness.destroy();
    }
    await look("contracts", "the deployment file is of another network, or the endpoint is not synced", async () => {
      for (const [name, address] of Object.entries(deployment.addresses))
        if ((await provider.getCode(address)) === "0x") wrong(`no code of ${name} at ${address}`);
      return [true, "code at every address"];
    });
    await look("clock", "set this machine's clock (NTP), or ask another endpoint: this one may be behind", async () => {
      const block = await provider.getBlock("latest");
      const off = Math.round(now() - (block?.timestamp ?? 0));
      if (Math.abs(off) > CLOCK_SLACK) wrong(`the newest block is ${off} s away from this machine's clock`);
      return [true, `the newest block is ${off} s old`];
    });
    if (keys === undefined) return checks;
    const account = new Wallet(keys.account).address;
    await look("gas money", "send the account some of the chain's own coin", async () => {
      const balance = await provider.getBalance(account);
      if (balance === 0n) wrong("none");
      return [true, formatEther(balance)];
    });
    const curve = await Curve.load();
    await chainChecks(
      config,
      connect(deployment, provider),
      provider,
      account,
      keyFingerprint(shareKeyPair(curve, keys).publicKey),
      look,
      wrong,
    );
  } finally {
    provider.destroy();
  }
  return checks;
}

type Look = <T>(name: string, remedy: string, run: () => Promise<[T, string]> | [T, string]) => Promise<T | undefined>;

async function chainChecks(
  config: Config,
  contracts: Contracts,
  provider: Provider,
  account: string,
  fingerprint: string,
  look: Look,
  wrong: (found: string) => never,
): Promise<void> {
  await look(
    "registration",
    "mednexus hospital register: the chain must know this account with this share key",
    async () => {
      if (!(await contracts.institutions.isRegistered(account))) wrong(`${account} is not registered`);
      const known = await contracts.institutions.shareKeyOf(account);
      if (keyFingerprint({ x: known.x, y: known.y }) !== fingerprint)
        wrong("registered with another share key than the key file's");
      return [true, `share key ${fingerprint}`];
    },
  );
  for (const campaign of config.campaigns) {
    const terms = await look(`campaign ${campaign}`, "check campaigns in the configuration", async () => {
      const { state } = await contracts.campaigns.get(campaign).catch((error: unknown) => {
        throw decodeFailure(error);
      });
      if (state !== 1n) wrong("it is not live any more");
      return [await readTerms(contracts, campaign), "live"];
    });
    if (terms === undefined) continue;
    await look(
      `policy for campaign ${campaign}`,
      "nothing to mend if this hospital means it; else change policy",
      () => {
        requirePolicy(config.policy, terms);
        return [true, "allows its terms"];
      },
    );
    await look(
      `attestation for campaign ${campaign}`,
      `ask one of its admitters: ${terms.admitters.join(", ")}`,
      async () => {
        const group = await contracts.institutions
          .requireAttested(account, [...terms.admitters])
          .catch((error: unknown) => {
            throw decodeFailure(error);
          });
        return [true, `group ${group}`];
      },
    );
    const { data } = config;
    if (data !== undefined) {
      await look(
        `dataset for campaign ${campaign}`,
        "register it with the campaign's schema and have an admitter audit its records",
        async () => {
          const found = await contracts.datasets
            .forTraining(data.dataset, [...terms.admitters])
            .catch((error: unknown) => {
              throw decodeFailure(error);
            });
          if (found.institution !== account) wrong(`dataset ${data.dataset} belongs to ${found.institution}`);
          const { schemaHash } = await contracts.campaigns.termsOf(campaign);
          if (found.schemaHash !== schemaHash) wrong("it has another schema than the campaign");
          if (loadData(data).schemaHash !== schemaHash) wrong("the schema file here is not the campaign's");
          return [true, `dataset ${data.dataset} version ${found.version}, ${found.audited} audited records`];
        },
      );
      await look(
        `consent for campaign ${campaign}`,
        "set terms that allow the purpose and publish a grant root",
        async () => {
          const { version } = await contracts.datasets
            .forTraining(data.dataset, [...terms.admitters])
            .catch((error: unknown) => {
              throw decodeFailure(error);
            });
          const asked = (await contracts.campaigns.termsOf(campaign)).purpose;
          const { permission, modifiers, disease, region, project, user } = asked;
          const purpose = { permission, modifiers, disease, region, project, user };
          const epoch = await contracts.consent
            .requireAllowed(data.dataset, version, purpose)
            .catch((error: unknown) => {
              throw decodeFailure(error);
            });
          return [true, `live, epoch ${epoch}`];
        },
      );
      await look(`enrolment in campaign ${campaign}`, "mednexus hospital enrol", async () => {
        const dataset = await contracts.campaigns.datasetOf(campaign, account);
        if (dataset !== data.dataset) wrong(dataset === 0n ? "not enrolled" : `enrolled with dataset ${dataset}`);
        return [true, `dataset ${dataset}`];
      });
    }
    await look(`stake for campaign ${campaign}`, "deposit stake", async () => {
      const prices = await contracts.campaigns.pricesOf(campaign);
      const needed = prices.nodeLock + (data === undefined ? 0n : prices.bond);
      const active = await contracts.stake.activeOf(account);
      if (await contracts.stake.isSuspended(account)) wrong("this account is suspended after misses");
      if (active < needed) wrong(`${active} staked, bond and node lock take ${needed}`);
      return [true, `${active} staked, ${await contracts.stake.lockedOf(account)} of it locked`];
    });
    await look(
      `complaint money for campaign ${campaign}`,
      "keep the complaint bond in the account: without it bad shares go unanswered",
      async () => {
        const { complaintBond } = await contracts.campaigns.pricesOf(campaign);
        const { token } = await contracts.campaigns.get(campaign);
        const erc20 = new Contract(token, ["function balanceOf(address) view returns (uint256)"], provider);
        const balance = (await erc20.getFunction("balanceOf").staticCall(account)) as bigint;
        if (balance < complaintBond) wrong(`${balance} in the account, one complaint takes ${complaintBond}`);
        return [true, `${balance} in the account; allowances are given when a complaint is made, for exactly its bond`];
      },
    );
    await look(
      `proving key for campaign ${campaign}`,
      "mednexus keys build, or let the first round wait for it",
      async () => {
        const { updateVerifier } = await contracts.campaigns.termsOf(campaign);
        const { n } = await contracts.verifiers.infoOf(updateVerifier);
        if (data === undefined) return [true, "not needed: committee only"];
        if (!(await areKeysCached("update", Number(n)))) wrong(`update(${n}) is not cached`);
        return [true, `update(${n}) cached`];
      },
    );
    const { liveRound } = await contracts.campaigns.get(campaign);
    if (liveRound !== 0n) {
      await look(`round ${liveRound}`, "", async () => [true, (await readRound(contracts, liveRound)).state]);
    }
  }
}

function existingParent(path: string): string {
  return existsSync(path) ? path : existingParent(dirname(path));
}
