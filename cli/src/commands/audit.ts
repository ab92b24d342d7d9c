import { readFileSync } from "node:fs";
import { publishedKey, publishedRecord, verifyProof } from "@mednexus/circuits";
import {
  type AuditReader,
  type AuditReport,
  auditReceipt,
  auditVersion,
  commitKeys,
  connect,
  Curve,
  HttpTransport,
  isDevnet,
  parseReceipt,
  type ReceiptClaim,
} from "@mednexus/sdk";
import { LocalStore, readDeployment } from "@mednexus/sdk/node";
import { Wallet } from "ethers";
import { type Command, JSON_OPTION, type Option, option, required, type Values } from "../arguments.ts";
import { onChain } from "../chain.ts";
import { EXIT, UsageError } from "../exit.ts";
import { logLine } from "../service.ts";

const options: Readonly<Record<string, Option>> = {
  rpc: { type: "string", value: "URL", help: "the chain's endpoint" },
  deployment: { type: "string", value: "FILE", help: "deployment file" },
  relay: { type: "string", value: "URL", help: "where models are published; without it they cannot be checked" },
  store: {
    type: "string",
    value: "DIR",
    help: "folder of the store with manifests; without it they cannot be checked",
  },
  srs: { type: "string", value: "FILE", help: "powers of tau; devnets have their own" },
  ...JSON_OPTION,
};

export const auditCommands: Readonly<Record<string, Command>> = {
  receipt: {
    summary: "recompute what a settled receipt claims: give its job, its digest, or a file with the receipt",
    positionals: "JOB|DIGEST|FILE",
    options,
    run: (values, [what]) => auditing(values, (reader) => auditReceipt(reader, claimOf(what))),
  },
  version: {
    summary: "recompute what a version of a model claims",
    positionals: "MODEL VERSION",
    options,
    run: (values, [model, version]) => {
      if (!isNumber(model) || !isNumber(version)) throw new UsageError("give MODEL and VERSION, two whole numbers");
      return auditing(values, (reader) => auditVersion(reader, BigInt(model), Number(version)));
    },
  },
};

const isNumber = (text: string | undefined): text is string => text !== undefined && /^\d{1,18}$/.test(text);

function claimOf(what: string | undefined): ReceiptClaim {
  if (what === undefined) throw new UsageError("give a JOB, a DIGEST, or a FILE with a receipt");
  if (/^0x[0-9a-fA-F]{64}$/.test(what)) return { digest: what.toLowerCase() };
  if (/^\d{1,18}$/.test(what)) return { job: BigInt(what) };
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(what, "utf8"));
  } catch {
    throw new UsageError(`${what} is no job, no digest, and cannot be read as JSON`);
  }
  return { receipt: parseReceipt(json) };
}

/** Exit code 0 only if nothing that was checked is false; what could not be checked is printed as such. */
async function auditing(values: Values, run: (reader: AuditReader) => Promise<AuditReport>): Promise<number> {
  const [relay, store, srs] = ["relay", "store", "srs"].map((name) => option(values, name));
  const deployment = readDeployment(required(values, "deployment"));
  return onChain(required(values, "rpc"), deployment, async (provider) => {
    const curve = await Curve.load();
    const contracts = connect(deployment, provider);
    const report = await run({
      deployment,
      contracts,
      provider,
      curve,
      published: (circuit, n) => {
        if (circuit !== "inference" && circuit !== "aggregate") return undefined;
        const record = publishedRecord(circuit, n);
        // Development keys prove nothing where money is real.
        return record === undefined || !isDevnet(deployment.chainId) ? undefined : publishedKey(circuit, n);
      },
      verify: (key, inputs, proof) => verifyProof(curve, key, inputs, proof),
      commitKey: commitKeys(
        curve,
        deployment,
        contracts,
        srs === undefined ? undefined : () => new Uint8Array(readFileSync(srs)),
      ),
      // Reading asks for no identity.
      ...(relay === undefined ? {} : { transport: new HttpTransport(relay, Wallet.createRandom()) }),
      ...(store === undefined ? {} : { store: new LocalStore(store) }),
    });
    if (values["json"] === true) logLine(report);
    else print(report);
    return report.ok ? EXIT.ok : EXIT.failed;
  });
}

const SHOWN = { ok: "ok", failed: "FAILED", unchecked: "could not be checked" } as const;

function print({ subject, checks, ok, unchecked }: AuditReport): void {
  console.log(subject);
  for (const { name, outcome, detail } of checks)
    console.log(`  ${name.padEnd(20)}${SHOWN[outcome].padEnd(22)}${detail}`);
  const rest = unchecked === 0 ? "" : `; ${unchecked} could not be checked`;
  console.log(ok ? `everything that was checked holds${rest}` : `something is FALSE${rest}`);
}
