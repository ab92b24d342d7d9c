import { commandHelp, type Command, parseCommand } from "./arguments.ts";
import { describe, EXIT, exitCode } from "./exit.ts";

type Verbs = Readonly<Record<string, Command>>;

/** A group's modules are loaded when it is asked for: what a command does not need costs it neither time nor memory. */
const groups: Readonly<Record<string, () => Promise<Verbs>>> = {
  consent: async () => (await import("./commands/consent.ts")).consentCommands,
  audit: async () => (await import("./commands/audit.ts")).auditCommands,
  data: async () => (await import("./commands/data.ts")).dataCommands,
  demo: async () => {
    const { demoRun, demoMarket } = await import("./commands/demo.ts");
    return { run: demoRun, market: demoMarket };
  },
  devnet: async () => ({ run: (await import("./commands/devnet.ts")).devnetRun }),
  deploy: async () => {
    const { deployRun, deployStatus } = await import("./commands/deploy.ts");
    return { run: deployRun, status: deployStatus };
  },
  hospital: async () => (await import("./commands/hospital.ts")).hospitalCommands,
  keeper: async () => ({ run: (await import("./commands/keeper.ts")).keeperRun }),
  keys: async () => ({ build: (await import("./commands/keys.ts")).keysBuild }),
  model: async () => (await import("./commands/model.ts")).modelCommands,
  prove: async () => (await import("./commands/prove.ts")).proveCommands,
  prover: async () => (await import("./commands/prover.ts")).proverCommands,
  relay: async () => ({ run: (await import("./commands/relay.ts")).relayRun }),
};

/** All commands, or those of one group. */
async function help(names: readonly string[] = Object.keys(groups)): Promise<string> {
  const rows: string[] = [];
  for (const group of names) {
    for (const [verb, { summary }] of Object.entries(await groups[group]!()))
      rows.push(`  ${`${group} ${verb}`.padEnd(22)}${summary}`);
  }
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
    console.log(await help());
    return group === undefined ? EXIT.badInput : EXIT.ok;
  }
  const verbs = Object.hasOwn(groups, group) ? await groups[group]!() : undefined;
  const listed = verbs === undefined ? undefined : [group];
  if (verbs !== undefined && (verb === undefined || verb === "--help" || verb === "-h")) {
    console.log(await help(listed));
    return verb === undefined ? EXIT.badInput : EXIT.ok;
  }
  const command = verbs !== undefined && verb !== undefined && Object.hasOwn(verbs, verb) ? verbs[verb] : undefined;
  if (command === undefined) {
    console.error(
      `no such command: ${[group, verb].filter((word) => word !== undefined).join(" ")}\n\n${await help(listed)}`,
    );
    return EXIT.badInput;
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
