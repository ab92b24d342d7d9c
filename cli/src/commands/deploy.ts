import { readFileSync, writeFileSync } from "node:fs";
import { parseDeployment } from "@mednexus/sdk";
import type { Command } from "../arguments.ts";
import { deployTo, openProvider } from "../chain.ts";
import { EXIT, UsageError } from "../exit.ts";
import { readDeployConfig, status } from "../../../deploy/operations/index.ts";
import { DEVNET_CONFIG } from "./devnet.ts";

export const deployRun: Command = {
  summary: "deploy and configure every contract; a second run resumes and changes nothing that is done",
  options: {
    rpc: { type: "string", value: "URL", help: "chain to deploy to; its first unlocked account pays and administers" },
    config: {
      type: "string",
      value: "FILE",
      help: "network configuration, see deploy/config/README.md",
      default: "deploy/config/devnet.json",
    },
    out: { type: "string", value: "FILE", help: "write the deployment file here", default: "deployment.json" },
  },
  async run(values) {
    if (values["rpc"] === undefined) throw new UsageError("give --rpc URL");
    const deployment = await deployTo(
      String(values["rpc"]),
      readDeployConfig(String(values["config"] ?? DEVNET_CONFIG)),
      true,
    );
    const out = String(values["out"] ?? "deployment.json");
    writeFileSync(out, `${JSON.stringify(deployment, null, 2)}\n`);
    console.log(`deployed to chain ${deployment.chainId}; admin ${deployment.admin}\ndeployment written to ${out}`);
    return EXIT.ok;
  },
};

export const deployStatus: Command = {
  summary: "read a deployment and say what is not as it should be; changes nothing",
  options: {
    rpc: { type: "string", value: "URL", help: "chain to ask" },
    deployment: { type: "string", value: "FILE", help: "deployment file", default: "deployment.json" },
    json: { type: "boolean", help: "print the findings as JSON" },
  },
  async run(values) {
    if (values["rpc"] === undefined) throw new UsageError("give --rpc URL");
    const file = String(values["deployment"] ?? "deployment.json");
    let text: string;
    try {
      text = readFileSync(file, "utf8");
    } catch {
      throw new UsageError(`${file} cannot be read: give --deployment FILE`);
    }
    const deployment = parseDeployment(text);
    const provider = await openProvider(String(values["rpc"]));
    const findings = await status(deployment, provider);
    provider.destroy();
    if (values["json"] === true) console.log(JSON.stringify(findings, null, 2));
    else for (const { what, value, ok } of findings) console.log(`${ok ? "ok " : "BAD"}  ${what.padEnd(28)} ${value}`);
    return findings.every(({ ok }) => ok) ? EXIT.ok : EXIT.failed;
  },
};
