import { readFileSync, writeFileSync } from "node:fs";
import {
  backupKeys,
  compose,
  doctor,
  dryRun,
  enrol,
  generateKeys,
  joinPool,
  type NodeContext,
  readConfig,
  readKeys,
  registerInstitution,
  restoreKeys,
  runHospital,
  writeKeys,
} from "@mednexus/hospital";
import { Wallet } from "ethers";
import { Curve, G1_GENERATOR } from "@mednexus/sdk";
import { type Command, JSON_OPTION, PROVER_OPTION, proverOption, required } from "../arguments.ts";
import { EXIT, UsageError } from "../exit.ts";
import { logLine, stopSignal } from "../service.ts";

const config = { type: "string", value: "FILE", help: "the node's configuration file" } as const;

function password(): string {
  const value = process.env["MEDNEXUS_BACKUP_PASSWORD"];
  if (value === undefined) throw new UsageError("set MEDNEXUS_BACKUP_PASSWORD (at least 12 characters)");
  return value;
}

export const hospitalCommands: Readonly<Record<string, Command>> = {
  keygen: {
    summary: "make a node's key file: its account and its share key",
    options: { out: { type: "string", value: "FILE", help: "where to write it; never overwritten" } },
    async run(values) {
      const keys = generateKeys();
      writeKeys(required(values, "out"), keys);
      const curve = await Curve.load();
      const shareKey = curve.mul(G1_GENERATOR, keys.share);
      console.log(
        `account   ${new Wallet(keys.account).address}\nshare key ${shareKey.x} ${shareKey.y}\nBack it up: mednexus hospital backup`,
      );
      return EXIT.ok;
    },
  },
  backup: {
    summary: "write both keys under a password (MEDNEXUS_BACKUP_PASSWORD)",
    options: {
      keys: { type: "string", value: "FILE", help: "key file" },
      out: { type: "string", value: "FILE", help: "backup to write" },
    },
    async run(values) {
      writeFileSync(required(values, "out"), await backupKeys(readKeys(required(values, "keys")), password()), {
        mode: 0o600,
        flag: "wx",
      });
      console.log("backup written");
      return EXIT.ok;
    },
  },
  restore: {
    summary: "write a key file from a backup (MEDNEXUS_BACKUP_PASSWORD)",
    options: {
      backup: { type: "string", value: "FILE", help: "backup file" },
      out: { type: "string", value: "FILE", help: "key file to write; never overwritten" },
    },
    async run(values) {
      writeKeys(
        required(values, "out"),
        await restoreKeys(readFileSync(required(values, "backup"), "utf8"), password()),
      );
      console.log("keys restored");
      return EXIT.ok;
    },
  },
  run: {
    summary: "run the node until Ctrl-C; events as JSON lines on stdout",
    options: { config, ...PROVER_OPTION },
    async run(values) {
      const read = readConfig(required(values, "config"));
      await runHospital(
        { ...read, proofs: proverOption(values) ?? read.proofs },
        { signal: stopSignal(), log: logLine },
      );
      return EXIT.ok;
    },
  },
  doctor: {
    summary: "look at everything the node needs and say what is wrong and what to do; changes nothing",
    options: { config, ...JSON_OPTION },
    async run(values) {
      const checks = await doctor(readConfig(required(values, "config")));
      if (values["json"] === true) console.log(JSON.stringify(checks, null, 2));
      else {
        for (const { name, ok, found, remedy } of checks) {
          console.log(
            `${ok ? "ok " : "BAD"}  ${name.padEnd(24)} ${found}${ok || remedy === undefined ? "" : `\n     -> ${remedy}`}`,
          );
        }
      }
      return checks.every(({ ok }) => ok) ? EXIT.ok : EXIT.failed;
    },
  },
  "dry-run": {
    summary: "prepare the next update and show what would leave the building; sends nothing",
    options: { config, ...JSON_OPTION },
    async run(values) {
      const runs = await dryRun(readConfig(required(values, "config")));
      if (values["json"] === true) {
        console.log(
          JSON.stringify(runs, (_key, value: unknown) => (typeof value === "bigint" ? value.toString() : value), 2),
        );
        return EXIT.ok;
      }
      for (const { round, campaign, leaving, learns } of runs) {
        console.log(`round ${round} of campaign ${campaign}: would leave`);
        for (const { to, field, bytes, value } of leaving)
          console.log(`  ${to.padEnd(12)} ${field.padEnd(16)} ${String(bytes).padStart(8)} bytes  ${value}`);
        for (const { who, what } of learns) console.log(`  ${who} learns: ${what}`);
      }
      return EXIT.ok;
    },
  },
  register: {
    summary: "register this institution and its share key on chain, with a proof that it holds the secret; repeatable",
    options: {
      config,
      endpoint: { type: "string", value: "TEXT", help: "how other institutions reach you, public; at most 256 bytes" },
    },
    async run(values) {
      return withContext(required(values, "config"), async (context) => {
        await registerInstitution(context, await Curve.load(), String(values["endpoint"] ?? ""));
        console.log(`registered ${context.address}: an admitter has to attest it`);
      });
    },
  },
  enrol: {
    summary: "join every campaign of the configuration, as a member and as a committee node; repeatable",
    options: { config },
    async run(values) {
      const file = required(values, "config");
      return withContext(file, async (context) => {
        for (const campaign of readConfig(file).campaigns) {
          if (context.data !== undefined) await enrol(context, campaign, context.data.dataset);
          await joinPool(context, campaign);
          console.log(`campaign ${campaign}: ${context.data === undefined ? "" : "member and "}committee node`);
        }
      });
    },
  },
};

/** Builds a node's context, acts, and takes it down again. */
async function withContext(file: string, act: (context: NodeContext) => Promise<void>): Promise<number> {
  const { context, close } = await compose(readConfig(file), logLine);
  try {
    await act(context);
    return EXIT.ok;
  } finally {
    await close();
  }
}
