import { composeKeeper, readKeeperConfig } from "@mednexus/keeper";
import { type Command, PROVER_OPTION, proverOption, required } from "../arguments.ts";
import { logLine, runUntilStopped } from "../service.ts";

export const keeperRun: Command = {
  summary: "run a keeper (and prover, by its configuration) until Ctrl-C; events as JSON lines on stdout",
  options: {
    config: { type: "string", value: "FILE", help: "the keeper's configuration file, see keeper/README.md" },
    ...PROVER_OPTION,
  },
  async run(values) {
    const config = readKeeperConfig(required(values, "config"));
    const proofs = proverOption(values) ?? config.proofs;
    return runUntilStopped(() => composeKeeper({ ...config, proofs }, logLine));
  },
};
