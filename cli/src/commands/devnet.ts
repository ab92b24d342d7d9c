import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { pause } from "@mednexus/sdk/node";
import { type Command, integerOption } from "../arguments.ts";
import { deployTo, startDevnet } from "../chain.ts";
import { EXIT } from "../exit.ts";
import { stopSignal } from "../service.ts";
import { readDeployConfig } from "../../../deploy/operations/index.ts";

export const DEVNET_CONFIG = fileURLToPath(new URL("../../../deploy/config/devnet.json", import.meta.url));

export const devnetRun: Command = {
  summary: "start a local chain with the contracts on it, until Ctrl-C",
  options: {
    port: { type: "string", value: "PORT", help: "where to listen on 127.0.0.1", default: "8545" },
    out: { type: "string", value: "FILE", help: "write the deployment file here", default: "deployment.json" },
  },
  async run(values) {
    const signal = stopSignal();
    const devnet = await startDevnet(integerOption("port", String(values["port"] ?? "8545"), 0, 65_535));
    try {
      const deployment = await deployTo(devnet.url, readDeployConfig(DEVNET_CONFIG), false);
      const out = String(values["out"] ?? "deployment.json");
      writeFileSync(out, `${JSON.stringify(deployment, null, 2)}\n`);
      console.log(
        `chain ${deployment.chainId} at ${devnet.url}\nadmin ${deployment.admin} (INSECURE development account)\ndeployment written to ${out}\nCtrl-C ends it`,
      );
      while (!signal.aborted) await pause(60_000, signal);
      return EXIT.ok;
    } finally {
      await devnet.close();
    }
  },
};
