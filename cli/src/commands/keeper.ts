import { composeKeeper, readKeeperConfig } from "@mednexus/keeper";
import { type Command, PROVER_OPTION, proverOption } from "../arguments.ts";
import { EXIT, UsageError } from "../exit.ts";
import { logLine, stopSignal } from "../service.ts";

export const keeperRun: Command = {
  summary: "run a keeper (and prover, by its configuration) until Ctrl-C; events as JSON lines on stdout",
  options: {
    config: { type: "string", value: "FILE", help: "the keeper's configuration file, see keeper/README.md" },
    ...PROVER_OPTION,
  },
  async run(values) {
    const file = values["config"];
    if (typeof file !== "string") throw new UsageError("give --config FILE");
    const config = readKeeperConfig(file);
    const signal = stopSignal();
    const keeper = await composeKeeper({ ...config, proofs: proverOption(values) ?? config.proofs }, logLine);
    try {
      await keeper.run(signal);
    } finally {
      await keeper.close();
    }
    return EXIT.ok;
  },
};
