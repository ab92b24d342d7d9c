/** Where a transaction's gas went: by function called, and by what the machine did, from debug_traceTransaction. */
import { CONTRACT_ABI, type Deployment } from "@mednexus/sdk";
import { Interface, type InterfaceAbi } from "ethers";

/** Gas that one function spent itself, in all its calls within a transaction; what it called is counted there. */
export interface Part {
  readonly name: string;
  readonly calls: number;
  readonly gas: number;
}

export interface Breakdown {
  readonly total: number;
  readonly byFunction: readonly Part[];
  /** `gas` of what is counted here; the rest of `total` is arithmetic, memory, jumps. Refunds are not taken off. */
  readonly byOperation: readonly Part[];
}

interface Frame {
  readonly type: string;
  readonly to: string;
  readonly gasUsed: string;
  readonly input: string;
  readonly calls?: readonly Frame[];
}

interface Step {
  readonly op: string;
  readonly gasCost: number;
}

interface Provider {
  request(call: { method: string; params: unknown[] }): Promise<unknown>;
}

const PRECOMPILES: Readonly<Record<number, string>> = {
  1: "ecrecover",
  2: "sha256",
  4: "copy",
  5: "modexp",
  6: "ecAdd",
  7: "ecMul",
  8: "pairing",
};

/** Groups of instructions worth a line: storage, events, hashing. CALLs are left out: their cost contains the gas they hand on. */
const OPERATIONS: readonly (readonly [string, (step: Step) => boolean])[] = [
  ["SLOAD cold", ({ op, gasCost }) => op === "SLOAD" && gasCost > 100],
  ["SLOAD warm", ({ op, gasCost }) => op === "SLOAD" && gasCost === 100],
  ["SSTORE zero to value", ({ op, gasCost }) => op === "SSTORE" && gasCost >= 20_000],
  ["SSTORE other", ({ op, gasCost }) => op === "SSTORE" && gasCost < 20_000],
  ["LOG", ({ op }) => op.startsWith("LOG")],
  ["KECCAK256", ({ op }) => op === "KECCAK256"],
];

const traced = async <T>(provider: Provider, hash: string, options: object): Promise<T> =>
  (await provider.request({ method: "debug_traceTransaction", params: [hash, options] })) as T;

export async function breakdown(provider: Provider, deployment: Deployment, hash: string): Promise<Breakdown> {
  const root = await traced<Frame>(provider, hash, { tracer: "callTracer" });
  const { structLogs } = await traced<{ structLogs: Step[] }>(provider, hash, {
    disableMemory: true,
    disableStack: true,
    disableStorage: true,
  });
  const name = namer(deployment);
  const parts = new Map<string, { calls: number; gas: number }>();
  const add = (label: string, gas: number): void => {
    const part = parts.get(label) ?? { calls: 0, gas: 0 };
    parts.set(label, { calls: part.calls + 1, gas: part.gas + gas });
  };
  const walk = (frame: Frame): void => {
    const calls = frame.calls ?? [];
    const own = Number(frame.gasUsed) - calls.reduce((sum, { gasUsed }) => sum + Number(gasUsed), 0);
    // A proxy hands its input to its implementation: two frames, one function.
    const [inner] = calls;
    if (calls.length === 1 && inner!.type === "DELEGATECALL" && inner!.input === frame.input) {
      add("proxies: delegation", own);
      walk({ ...inner!, to: frame.to });
      return;
    }
    add(name(frame), own);
    calls.forEach(walk);
  };
  const sent = intrinsic(root.input);
  add("transaction: 21,000 and call data", sent);
  walk({ ...root, gasUsed: String(Number(root.gasUsed) - sent) });
  return {
    total: Number(root.gasUsed),
    byFunction: [...parts].map(([label, part]) => ({ name: label, ...part })).sort((a, b) => b.gas - a.gas),
    byOperation: OPERATIONS.map(([label, is]) => {
      const steps = structLogs.filter(is);
      return { name: label, calls: steps.length, gas: steps.reduce((sum, { gasCost }) => sum + gasCost, 0) };
    }),
  };
}

/** EIP-2028: 16 gas a byte of call data, 4 for a zero. */
function intrinsic(data: string): number {
  let gas = 21_000;
  for (const byte of Buffer.from(data.slice(2), "hex")) gas += byte === 0 ? 4 : 16;
  return gas;
}

function namer(deployment: Deployment): (frame: Frame) => string {
  const contracts = new Map(
    Object.entries(CONTRACT_ABI).map(([key, abi]) => [
      deployment.addresses[key as keyof Deployment["addresses"]].toLowerCase(),
      { key, interface_: new Interface(abi as unknown as InterfaceAbi) },
    ]),
  );
  return ({ to, input }) => {
    const precompile = PRECOMPILES[Number(BigInt(to) < 256n ? BigInt(to) : 0n)];
    if (precompile !== undefined) return `precompile ${precompile}`;
    const contract = contracts.get(to.toLowerCase());
    if (contract === undefined) return `library or data ${input.slice(0, 10)}`;
    return `${contract.key}.${contract.interface_.getFunction(input.slice(0, 10))?.name ?? input.slice(0, 10)}`;
  };
}
