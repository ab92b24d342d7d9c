/** [attack 125] Everything around a proof that can be wrong, wrong on purpose: what leaves the prover then. */
import { expect } from "chai";
import { toSnarkjs } from "@mednexus/circuits";
import { type Curve, MedNexusError, type Proved } from "@mednexus/sdk";
import * as snarkjs from "snarkjs";
import { groth16Keys } from "../../circuits/setup/groth16.ts";
import type { R1cs } from "../../circuits/setup/r1cs.ts";
import { trapdoor } from "../../circuits/setup/trapdoor.ts";
import type { Device, Kernel } from "../device/device.ts";
import { prove } from "../groth16/prove.ts";
import { freeResident, makeResident } from "../groth16/resident.ts";
import { readWtns } from "../groth16/wtns.ts";
import { readZkey } from "../groth16/zkey.ts";
import { chain, wtns } from "./chain.ts";

/** By kind of corruption: the errors that may answer it. */
const ANSWERS = {
  /** a bit of a sum as it comes back */
  result: ["PROOF_REJECTED"],
  /** a bit of any memory that the prover works on, between any two kernels */
  memory: ["PROOF_REJECTED"],
  /** a bit anywhere in the key's file, the verifying key's points among them */
  key: ["PROOF_REJECTED", "KEY_MALFORMED", "NOT_ON_CURVE"],
  /** a sound key of another circuit */
  otherKey: ["PROOF_REJECTED", "WITNESS_MISMATCH"],
  /** a bit of any wire's value */
  witness: ["PROOF_REJECTED", "WITNESS_MALFORMED"],
  truncated: ["WITNESS_MALFORMED"],
} as const satisfies Record<string, readonly string[]>;
type Kind = keyof typeof ANSWERS;
const KINDS = Object.keys(ANSWERS) as Kind[];

const flipKernel: Kernel = {
  name: "flip",
  workgroup: 1,
  buffers: [{ name: "victim", access: "read_write" }],
  source: () => "fn run(id: u32) { victim[param(0u)] ^= param(1u); }",
};

type Make = (key: Uint8Array, witness: Uint8Array) => Promise<Proved>;

/** A prover under test. `bendResult` and `bendMemory` run `make` with one bit wrong in what comes back, or in what it works on. */
export interface Victim {
  readonly make: Make;
  /** given after a first honest proof */
  bendResult(make: () => Promise<Proved>): Promise<Proved>;
  bendMemory(make: () => Promise<Proved>): Promise<Proved>;
}

export async function corruptions(device: Device, curve: Curve, next: () => number, count: number): Promise<void> {
  const before = device.allocated;
  const make: Make = async (key, witness) => {
    const values = readWtns(witness).slice();
    const resident = await makeResident(device, readZkey(key));
    return prove(device, curve, resident, values).finally(() => freeResident(device, resident));
  };
  let honest: { submits: number; downloads: number } | undefined;
  await corrupt(
    {
      make: async (key, witness) => {
        if (honest !== undefined) return make(key, witness);
        let made: Proved | undefined;
        honest = await watched(device, async () => (made = await make(key, witness)));
        return made!;
      },
      bendResult: (work) => bendResult(device, next, next() % honest!.downloads, work),
      bendMemory: (work) => bendMemory(device, next, next() % honest!.submits, work),
    },
    next,
    count,
  );
  expect(device.allocated).to.equal(before);
}

/**
 * Makes proofs of a small circuit, each with one corruption, until `count` of them met a typed error. A flipped bit that touches nothing (scratch space, the
 * identity's free coordinate) leaves a sound proof: snarkjs says so, and it does not count. Any other proof fails the test.
 */
export async function corrupt(victim: Victim, next: () => number, count: number): Promise<void> {
  const { make } = victim;
  const { r1cs, assignment } = chain(123456789n);
  const { zkey } = await groth16Keys(r1cs, trapdoor);
  const others = await Promise.all(otherCircuits(r1cs).map(async (other) => (await groth16Keys(other, trapdoor)).zkey));
  const verifyingKey = await snarkjs.zKey.exportVerificationKey({ type: "mem", data: zkey });
  const file = wtns(assignment);

  const flipped = (bytes: Uint8Array, from = 0): Uint8Array => {
    const bent = bytes.slice();
    bent[from + (next() % (bent.length - from))]! ^= 1 << (next() % 8);
    return bent;
  };
  await make(zkey, file);

  const attempt = (kind: Kind): Promise<Proved> => {
    switch (kind) {
      case "result":
        return victim.bendResult(() => make(zkey, file));
      case "memory":
        return victim.bendMemory(() => make(zkey, file));
      case "key":
        return make(flipped(zkey), file);
      case "otherKey":
        return make(others[next() % others.length]!, file);
      case "witness":
        return make(zkey, flipped(file, file.length - assignment.length));
      case "truncated":
        return make(zkey, file.subarray(0, next() % file.length));
    }
  };
  const met = new Map<string, number>();
  let harmless = 0;
  for (let refused = 0; refused < count;) {
    const kind = KINDS[refused % KINDS.length]!;
    const outcome = await attempt(kind).catch((error: unknown) => error);
    if (outcome instanceof Error) {
      if (!(outcome instanceof MedNexusError)) throw outcome;
      expect(outcome.code, kind).to.be.oneOf([...ANSWERS[kind]]);
      met.set(`${kind} ${outcome.code}`, (met.get(`${kind} ${outcome.code}`) ?? 0) + 1);
      refused++;
      continue;
    }
    const { proof, publicInputs } = outcome as Proved;
    const sound = await snarkjs.groth16.verify(verifyingKey, publicInputs.map(String), toSnarkjs(proof));
    if (!sound) throw new Error(`a bad proof was handed out after corruption ${refused} (${kind})`);
    expect(kind, "what always makes the statement or the key wrong").to.be.oneOf(["result", "memory", "key"]);
    harmless++;
    if (harmless > 40 * count) throw new Error("hardly any corruption reaches the proof");
  }
  console.log(
    `      refused: ${[...met].map(([what, times]) => `${times} ${what}`).join(", ")}; without effect ${harmless}`,
  );
  await make(zkey, file); // the prover itself is fine
}

/** Of the same shape, but every row in turn is another one; and one with a wire more. */
const otherCircuits = (r1cs: R1cs): R1cs[] => [
  ...r1cs.rows.map((row, at) => ({
    ...r1cs,
    rows: r1cs.rows.with(at, { ...row, b: { wires: [0], coefficients: [1n] } }),
  })),
  { ...r1cs, wires: r1cs.wires + 1 },
];

/** How often a piece of work submits and downloads. */
async function watched(device: Device, work: () => Promise<unknown>): Promise<{ submits: number; downloads: number }> {
  const seen = { submits: 0, downloads: 0 };
  await hooked(
    device,
    {
      submit: (original, ...given) => (seen.submits++, original(...given)),
      download: (original, ...given) => (seen.downloads++, original(...given)),
    },
    work,
  );
  return seen;
}

function bendResult<T>(device: Device, next: () => number, victim: number, work: () => Promise<T>): Promise<T> {
  let call = 0;
  return hooked(
    device,
    {
      download: async (original, ...given) => {
        const words = await original(...given);
        if (call++ === victim) words[next() % words.length]! ^= 1 << (next() % 32);
        return words;
      },
    },
    work,
  );
}

function bendMemory<T>(device: Device, next: () => number, victim: number, work: () => Promise<T>): Promise<T> {
  let call = 0;
  return hooked(
    device,
    {
      submit: (original, launches, ...more) => {
        if (call++ !== victim) return original(launches, ...more);
        const at = next() % launches.length;
        const { buffers } = launches[at]!;
        const buffer = buffers[next() % buffers.length]!;
        const flip = {
          kernel: flipKernel,
          threads: 1,
          params: [next() % (buffer.size / 4), (1 << (next() % 32)) >>> 0],
          buffers: [buffer],
        };
        return original(launches.toSpliced(at + 1, 0, flip), ...more);
      },
    },
    work,
  );
}

type Hooks = {
  [M in "submit" | "download"]?: (original: Device[M], ...given: Parameters<Device[M]>) => ReturnType<Device[M]>;
};

/** Runs `work` with methods of the device replaced, each given the original. */
async function hooked<T>(device: Device, { submit, download }: Hooks, work: () => Promise<T>): Promise<T> {
  const original = { submit: device.submit.bind(device), download: device.download.bind(device) };
  if (submit) device.submit = (...given) => submit(original.submit, ...given);
  if (download) device.download = (...given) => download(original.download, ...given);
  try {
    return await work();
  } finally {
    // what was put on the object hides the class's methods: take it off
    for (const method of ["submit", "download"]) Reflect.deleteProperty(device, method);
  }
}
