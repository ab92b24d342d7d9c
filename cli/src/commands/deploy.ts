import { writeFileSync } from "node:fs";
import { readDeployment } from "@mednexus/sdk/node";
import { type Command, required } from "../arguments.ts";
import { deployTo, onChain } from "../chain.ts";
import { EXIT } from "../exit.ts";
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
    const deployment = await deployTo(
      required(values, "rpc"),
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
    const deployment = readDeployment(String(values["deployment"] ?? "deployment.json"));
    const findings = await onChain(required(values, "rpc"), deployment, (provider) => status(deployment, provider));
    if (values["json"] === true) console.log(JSON.stringify(findings, null, 2));
    else for (const { what, value, ok } of findings) console.log(`${ok ? "ok " : "BAD"}  ${what.padEnd(28)} ${value}`);
    return findings.every(({ ok }) => ok) ? EXIT.ok : EXIT.failed;
  },
};
