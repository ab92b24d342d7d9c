import { createRequire } from "node:module";
import { defineConfig, overrideTask } from "hardhat/config";
import type { HardhatPlugin } from "hardhat/types/plugins";
import toolbox from "@nomicfoundation/hardhat-toolbox-mocha-ethers";
import upgrades from "@openzeppelin/hardhat-upgrades";

const require = createRequire(import.meta.url);

// test:deep: 640,000 calls for each invariant instead of 32,000.
const deep = process.env.MEDNEXUS_DEEP === "1";

// The compiler is npm's solc (wasm): no download, same bytes everywhere. Cancun is what every EVM chain this protocol targets runs.
const compiler = {
  version: "0.8.34",
  path: require.resolve("solc/soljson.js"),
  settings: {
    evmVersion: "cancun",
    optimizer: { enabled: true, runs: 200 },
    outputSelection: { "*": { "*": ["storageLayout"] } },
  },
};

/** solc warns of the first `tstore` it meets (2394). The only one is OpenZeppelin's reentrancy guard, which clears its slot again. */
const quiet: HardhatPlugin = {
  id: "mednexus-quiet",
  hookHandlers: {
    solidity: async () => ({
      default: async () => ({
        getCompilationJobErrors: async (context, job, output, next) =>
          (await next(context, job, output)).filter(({ errorCode }) => errorCode !== "2394"),
      }),
    }),
  },
};

/**
 * The upgrades plugin validates storage layouts as contracts are compiled. It also copies the syntax tree into every artifact, for another package's use, by reading
 * the whole build once more for each: a third of the build's time, left out here.
 */
const validated: HardhatPlugin = {
  ...upgrades,
  hookHandlers: {
    ...upgrades.hookHandlers,
    solidity: async () => {
      const hooks = await (await upgrades.hookHandlers!.solidity!()).default();
      return { default: async () => ({ ...hooks, processArtifactsAfterSuccessfulBuild: undefined }) };
    },
  },
};

/** Solidity tests deploy contracts by their artifacts, which must be those of the sources, also where only a test's own file is asked to be built. */
const current = overrideTask(["test", "solidity"])
  .setInlineAction(async (options, hre, runSuper) => {
    const { noCompile, testFiles } = options as { noCompile: boolean; testFiles: string[] };
    if (!noCompile && testFiles.length > 0) await hre.tasks.getTask("build").run({ noTests: true });
    return runSuper(options);
  })
  .build();

export default defineConfig({
  plugins: [toolbox, validated, quiet],
  tasks: [current],
  solidity: {
    profiles: { default: compiler, production: compiler },
    npmFilesToBuild: [
      "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol",
      "@openzeppelin/contracts/access/manager/AccessManager.sol",
    ],
  },
  paths: { sources: "./contracts", tests: { mocha: "./test", solidity: "./test" } },
  typechain: { outDir: "./build/typechain" },
  test: {
    mocha: { timeout: 180_000 },
    solidity: deep
      ? { fuzz: { runs: 2_000 }, invariant: { runs: 1_280, depth: 500 } }
      : { fuzz: { runs: 64 }, invariant: { runs: 64, depth: 500 } },
  },
  networks: {
    default: { type: "edr-simulated", chainType: "l1", hardfork: "cancun", blockGasLimit: 60_000_000n },
    // Any JSON-RPC endpoint; its URL comes from the caller (deploy, demo).
    devnet: { type: "http", url: "http://127.0.0.1:8545" },
  },
});
