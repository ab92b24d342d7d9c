import { readFileSync, writeFileSync } from "node:fs";
import {
  auditConsentSet,
  connect,
  consentRecordSchema,
  dataTermsHash,
  type Deployment,
  parseDataUse,
  parseFhir,
  parseKit,
  readConsentStatus,
  relayRevocation,
  revocationKitSchema,
  signedRevocationSchema,
  signRevocation,
  toFhir,
} from "@mednexus/sdk";
import { readDeployment } from "@mednexus/sdk/node";
import { compose, type NodeContext, readConfig, revocationKit, setDataTerms } from "@mednexus/hospital";
import { type ContractRunner, type JsonRpcProvider, Wallet } from "ethers";
import { type Command, integerOption, JSON_OPTION, required, type Values } from "../arguments.ts";
import { onChain } from "../chain.ts";
import { EXIT, UsageError } from "../exit.ts";
import { logLine } from "../service.ts";

const MAX_ID = Number.MAX_SAFE_INTEGER;
const rpc = { type: "string", value: "URL", help: "chain to ask" } as const;
const deployment = { type: "string", value: "FILE", help: "deployment file", default: "deployment.json" } as const;
const dataset = { type: "string", value: "ID", help: "the dataset" } as const;
const config = { type: "string", value: "FILE", help: "the node's configuration file" } as const;
const out = { type: "string", value: "FILE", help: "write here instead of to the screen; never overwritten" } as const;

function read(file: string | undefined): string {
  if (file === undefined) throw new UsageError("give a FILE");
  try {
    return readFileSync(file, "utf8");
  } catch {
    throw new UsageError(`${file} cannot be read`);
  }
}

/** An account whose key stands in the environment, never in the arguments. */
function account(variable: string): Wallet {
  try {
    return new Wallet(process.env[variable] ?? "");
  } catch {
    throw new UsageError(`set ${variable} to a private key (32 hex bytes)`);
  }
}

const show = (value: unknown): string =>
  JSON.stringify(value, (_key, v: unknown) => (typeof v === "bigint" ? v.toString() : v), 2);

function write(values: Values, text: string): void {
  const file = values["out"];
  if (typeof file !== "string") return void console.log(text);
  try {
    writeFileSync(file, `${text}\n`, { mode: 0o600, flag: "wx" });
  } catch {
    throw new UsageError(`${file} exists or cannot be written`);
  }
}

async function withChain(
  values: Values,
  act: (chain: { deployment: Deployment; provider: JsonRpcProvider; runner: ContractRunner }) => Promise<number>,
  signer?: Wallet,
): Promise<number> {
  const where = readDeployment(String(values["deployment"] ?? "deployment.json"));
  return onChain(required(values, "rpc"), where, (provider) =>
    act({ deployment: where, provider, runner: signer?.connect(provider) ?? provider }),
  );
}

async function withNode(values: Values, act: (context: NodeContext) => Promise<void>): Promise<void> {
  const { context, close } = await compose(readConfig(required(values, "config")), logLine);
  try {
    await act(context);
  } finally {
    await close();
  }
}

const datasetId = (values: Values): bigint => BigInt(integerOption("dataset", required(values, "dataset"), 1, MAX_ID));
const versionOf = (values: Values): number | undefined =>
  values["version"] === undefined ? undefined : integerOption("version", String(values["version"]), 1, 2 ** 32 - 1);

const importFhir: Command = {
  summary: "read a FHIR R5 Consent: its DUO terms and its record; what does not map is named, nothing is guessed",
  positionals: "FILE",
  options: {
    out: { ...out, help: "write terms and record here (for export); the record names a person: keep it in the house" },
    config: { ...config, help: "with --dataset: set the terms on chain as this node" },
    dataset,
    ...JSON_OPTION,
  },
  async run(values, [file]) {
    const found = parseFhir(read(file));
    if (values["out"] !== undefined) write(values, show(found));
    if (values["config"] !== undefined)
      await withNode(values, (context) => setDataTerms(context, datasetId(values), found.use));
    const hash = dataTermsHash(found.use);
    console.log(
      values["json"] === true ? show({ use: found.use, termsHash: hash }) : `${show(found.use)}\nterms ${hash}`,
    );
    return EXIT.ok;
  },
};

const exportFhir: Command = {
  summary: "write terms and record (from import --out, or by hand) as a FHIR R5 Consent",
  positionals: "FILE",
  options: { out },
  async run(values, [file]) {
    let found: unknown;
    try {
      found = JSON.parse(read(file));
    } catch (error) {
      if (error instanceof UsageError) throw error;
      throw new UsageError(`${file} is not JSON`);
    }
    const { use, record } = (found ?? {}) as { use?: unknown; record?: unknown };
    const checked = consentRecordSchema.safeParse(record ?? {});
    if (!checked.success)
      throw new UsageError(`record: ${checked.error.issues[0]?.path.join(".")}: ${checked.error.issues[0]?.message}`);
    write(values, show(toFhir(parseDataUse(use), checked.data)));
    return EXIT.ok;
  },
};

const kit: Command = {
  summary: "what one subject needs to revoke without this institution; hand it over with the consent form",
  options: {
    config,
    dataset,
    version: { type: "string", value: "N", help: "dataset version", default: "the current one" },
    subject: { type: "string", value: "ADDRESS", help: "the subject's key for this dataset" },
    out,
  },
  async run(values) {
    await withNode(values, async (context) => {
      const id = datasetId(values);
      const version = versionOf(values) ?? Number(await context.contracts.datasets.currentVersion(id));
      write(values, show(revocationKit(context, id, version, required(values, "subject"))));
    });
    return EXIT.ok;
  },
};

const revoke: Command = {
  summary:
    "sign a revocation offline (MEDNEXUS_SUBJECT_KEY and --kit), relay a signed one (MEDNEXUS_RELAYER_KEY and --rpc), or both",
  options: {
    kit: { type: "string", value: "FILE", help: "the subject's kit, to sign" },
    signed: { type: "string", value: "FILE", help: "a signed revocation, to relay" },
    rpc: { ...rpc, help: "relay to this chain; without it the signed revocation is written" },
    deployment,
    out,
    ...JSON_OPTION,
  },
  async run(values) {
    if ((values["kit"] === undefined) === (values["signed"] === undefined))
      throw new UsageError("give either --kit or --signed");
    const signed =
      values["kit"] === undefined
        ? parseKit(signedRevocationSchema, read(required(values, "signed")))
        : await signRevocation(
            parseKit(revocationKitSchema, read(required(values, "kit"))),
            account("MEDNEXUS_SUBJECT_KEY"),
          );
    if (values["rpc"] === undefined) {
      write(values, show(signed));
      return EXIT.ok;
    }
    const relayer = account("MEDNEXUS_RELAYER_KEY");
    return withChain(
      values,
      async ({ deployment: where, runner }) => {
        const { receipt, gasUsed } = await relayRevocation(connect(where, runner), where, signed);
        const done = { transaction: receipt.hash, block: receipt.blockNumber, gas: gasUsed, dataset: signed.dataset };
        console.log(
          values["json"] === true
            ? show(done)
            : `revoked in block ${done.block}: dataset ${done.dataset} is refused until its institution publishes grants without this one`,
        );
        return EXIT.ok;
      },
      relayer,
    );
  },
};

const status: Command = {
  summary: "what the chain says of a dataset version's consent",
  options: {
    rpc,
    deployment,
    dataset,
    version: { type: "string", value: "N", help: "dataset version", default: "the current one" },
    ...JSON_OPTION,
  },
  async run(values) {
    return withChain(values, async ({ deployment: where, provider }) => {
      const options = versionOf(values) === undefined ? {} : { version: versionOf(values)! };
      const found = await readConsentStatus(connect(where, provider), datasetId(values), options);
      if (values["json"] === true) console.log(show(found));
      else for (const [name, value] of Object.entries(found)) console.log(`${name.padEnd(14)} ${String(value)}`);
      return EXIT.ok;
    });
  },
};

const audit: Command = {
  summary:
    "recompute a round's consent set from events: equal or not to what its model version carries, and what each consent was",
  options: { rpc, deployment, round: { type: "string", value: "ID", help: "the round" }, ...JSON_OPTION },
  async run(values) {
    const round = BigInt(integerOption("round", required(values, "round"), 1, MAX_ID));
    return withChain(values, async ({ deployment: where, provider }) => {
      const found = await auditConsentSet({ contracts: connect(where, provider), provider, deployment: where }, round);
      if (values["json"] === true) console.log(show(found));
      else {
        console.log(`${found.equal ? "equal" : "NOT EQUAL"}: recorded ${found.recorded}, computed ${found.computed}`);
        for (const one of found.states)
          console.log(
            `${one.standing ? "ok " : "BAD"}  dataset ${one.dataset} version ${one.version} epoch ${one.epoch}: terms ${one.termsHash ?? "none"}, grants ${one.grantRoot ?? "none"}${one.custodial ? ", keys held by the institution" : ""}`,
          );
      }
      return found.equal && found.states.every(({ standing }) => standing) ? EXIT.ok : EXIT.failed;
    });
  },
};

export const consentCommands: Readonly<Record<string, Command>> = {
  import: importFhir,
  export: exportFhir,
  kit,
  revoke,
  status,
  audit,
};
