import { commandHelp, type Command, parseCommand } from "./arguments.ts";
import { consentCommands } from "./commands/consent.ts";
import { auditCommands } from "./commands/audit.ts";
import { dataCommands } from "./commands/data.ts";
import { demoMarket, demoRun } from "./commands/demo.ts";
import { deployRun, deployStatus } from "./commands/deploy.ts";
import { devnetRun } from "./commands/devnet.ts";
import { hospitalCommands } from "./commands/hospital.ts";
import { keeperRun } from "./commands/keeper.ts";
import { keysBuild } from "./commands/keys.ts";
import { modelCommands } from "./commands/model.ts";
import { proveCommands } from "./commands/prove.ts";
import { proverCommands } from "./commands/prover.ts";
import { relayRun } from "./commands/relay.ts";
import { describe, EXIT, exitCode } from "./exit.ts";

const groups: Readonly<
  Record<string, { readonly summary: string; readonly verbs: Readonly<Record<string, Command>> }>
> = {
  consent: { summary: "FHIR consents, revocation, what the chain says", verbs: consentCommands },
  audit: { summary: "recompute what receipts and model versions claim", verbs: auditCommands },
  data: { summary: "encrypted datasets: keep, share, rotate, erase", verbs: dataCommands },
  demo: { summary: "the protocol at work on a local chain", verbs: { run: demoRun, market: demoMarket } },
  devnet: { summary: "a local chain for development", verbs: { run: devnetRun } },
  deploy: { summary: "deploy the contracts, look at a deployment", verbs: { run: deployRun, status: deployStatus } },
  hospital: { summary: "an institution's node", verbs: hospitalCommands },
  keeper: { summary: "draws, freezes, finalizes, claims; proves aggregations", verbs: { run: keeperRun } },
  keys: { summary: "proving keys", verbs: { build: keysBuild } },
  model: { summary: "model tokens: mint them, seal their weights", verbs: modelCommands },
  prove: { summary: "Groth16 proofs and commitments, on a GPU where there is one", verbs: proveCommands },
  prover: { summary: "takes compute jobs for their fee", verbs: proverCommands },
  relay: { summary: "a mailbox for nodes that accept no connections", verbs: { run: relayRun } },
};

function help(): string {
  const rows = Object.entries(groups).flatMap(([group, { verbs }]) =>
    Object.entries(verbs).map(([verb, command]) => `  ${`${group} ${verb}`.padEnd(22)}${command.summary}`),
  );
  return [
    "mednexus <group> <verb> [options]",
    "",
    ...rows,
    "",
    "`mednexus <group> <verb> --help` shows a command's options. Exit codes: 0 done, 1 a check failed, 2 bad input, 130 interrupted.",
  ].join("\n");
}

async function main(args: readonly string[]): Promise<number> {
  const [group, verb, ...rest] = args;
  if (group === undefined || group === "--help" || group === "-h" || group === "help") {
    console.log(help());
    return group === undefined ? EXIT.badInput : EXIT.ok;
  }
  const found = Object.hasOwn(groups, group) ? groups[group] : undefined;
  const command =
    found !== undefined && verb !== undefined && Object.hasOwn(found.verbs, verb) ? found.verbs[verb] : undefined;
  if (command === undefined) {
    console.error(`no such command: ${[group, verb].filter((word) => word !== undefined).join(" ")}\n\n${help()}`);
    return verb === "--help" && found !== undefined ? EXIT.ok : EXIT.badInput;
  }
  const name = `${group} ${verb}`;
  const parsed = parseCommand(name, command, rest);
  if (parsed === "help") {
    console.log(commandHelp(name, command));
    return EXIT.ok;
  }
  return command.run(parsed.values, parsed.positionals);
}

let code: number;
try {
  code = await main(process.argv.slice(2));
} catch (error) {
  console.error(describe(error));
  code = exitCode(error);
}
// Worker threads and sockets of libraries must not keep a finished command alive.
process.exit(code);
