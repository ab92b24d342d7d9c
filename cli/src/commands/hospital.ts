import { readFileSync, writeFileSync } from "node:fs";
import {
  backupKeys,
  compose,
  generateKeys,
  HospitalNode,
  readConfig,
  readKeys,
  restoreKeys,
  writeKeys,
} from "@mednexus/hospital";
import { Wallet } from "ethers";
import { Curve, G1_GENERATOR } from "@mednexus/sdk";
import type { Command } from "../arguments.ts";
import { describe, EXIT, UsageError } from "../exit.ts";
import { logLine, pause, stopSignal } from "../service.ts";

const config = { type: "string", value: "FILE", help: "the node's configuration file" } as const;

function required(values: Readonly<Record<string, unknown>>, name: string): string {
  const value = values[name];
  if (typeof value !== "string" || value === "") throw new UsageError(`give --${name}`);
  return value;
}

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
    options: { config },
    async run(values) {
      const signal = stopSignal();
      const settings = readConfig(required(values, "config"));
      const { context, close } = await compose(settings, logLine);
      const node = new HospitalNode(context, settings.campaigns);
      logLine({ event: "node-up", address: context.address });
      try {
        while (!signal.aborted) {
          await node.tick().catch((error: unknown) => logLine({ event: "trouble", message: describe(error) }));
          await pause(settings.pollMs, signal);
        }
      } finally {
        await close();
      }
      return EXIT.ok;
    },
  },
};
