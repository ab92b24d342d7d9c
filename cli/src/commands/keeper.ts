import { composeKeeper, readKeeperConfig } from "@mednexus/keeper";
import type { Command } from "../arguments.ts";
import { EXIT, UsageError } from "../exit.ts";
import { logLine, stopSignal } from "../service.ts";

export const keeperRun: Command = {
  summary: "run a keeper (and prover, by its configuration) until Ctrl-C; events as JSON lines on stdout",
  options: { config: { type: "string", value: "FILE", help: "the keeper's configuration file, see keeper/README.md" } },
  async run(values) {
    const file = values["config"];
    if (typeof file !== "string") throw new UsageError("give --config FILE");
    const signal = stopSignal();
    const keeper = await composeKeeper(readKeeperConfig(file), logLine);
    try {
      await keeper.run(signal);
    } finally {
      await keeper.close();
    }
    return EXIT.ok;
  },
};
