import { FR_MODULUS } from "@mednexus/sdk";
import { CircuitError } from "./manifest.ts";

const WORDS = 8;

/** Signal name (arrays flattened) to canonical field elements. */
export type CircuitInputs = Readonly<Record<string, bigint | readonly bigint[]>>;

/** What circom 2 exports from a witness generator. */
interface Generator {
  init(sanityCheck: number): void;
  getFieldNumLen32(): number;
  getRawPrime(): void;
  readSharedRWMemory(word: number): number;
  writeSharedRWMemory(word: number, value: number): void;
  getInputSignalSize(high: number, low: number): number;
  setInputSignal(high: number, low: number, index: number): void;
  getInputSize(): number;
  getWitnessSize(): number;
  getWitness(wire: number): void;
}

/**
 * Runs a circuit's witness generator: the full assignment of its wires, as little-endian 32-byte words.
 * In place of snarkjs's runner because that one prints to the console, where a log could keep it.
 *
 * @param module compiled from circom's wasm
 * @throws CircuitError WITNESS_INVALID if a constraint does not hold or the inputs are not those of the circuit; says nothing of the values
 */
export async function calculateWitness(
  module: WebAssembly.Module,
  inputs: CircuitInputs,
): Promise<Uint8Array<ArrayBuffer>> {
  const silent = (): void => {};
  const { exports } = await WebAssembly.instantiate(module, {
    runtime: {
      exceptionHandler: (code: number) => {
        throw new CircuitError("WITNESS_INVALID", `the values do not satisfy the circuit (circom code ${code})`);
      },
      printErrorMessage: silent,
      writeBufferMessage: silent,
      showSharedRWMemory: silent,
    },
  });
  const generator = exports as unknown as Generator;
  if (generator.getFieldNumLen32() !== WORDS || (generator.getRawPrime(), readWord(generator)) !== FR_MODULUS) {
    throw new CircuitError("WITNESS_INVALID", "the generator is for another field");
  }
  generator.init(0);

  let given = 0;
  for (const [name, value] of Object.entries(inputs)) {
    const values = Array.isArray(value) ? value : [value];
    const [high, low] = fnv1a(name);
    const size = generator.getInputSignalSize(high, low);
    if (size !== values.length)
      throw new CircuitError("WITNESS_INVALID", `input ${name}: ${values.length} values, the circuit takes ${size}`);
    values.forEach((element: bigint, index: number) => {
      writeWord(generator, element);
      generator.setInputSignal(high, low, index);
    });
    given += values.length;
  }
  if (given !== generator.getInputSize())
    throw new CircuitError("WITNESS_INVALID", `${given} inputs, the circuit takes ${generator.getInputSize()}`);

  const wires = generator.getWitnessSize();
  const out = new Uint8Array(32 * wires);
  const view = new DataView(out.buffer);
  for (let wire = 0; wire < wires; wire++) {
    generator.getWitness(wire);
    for (let k = 0; k < WORDS; k++) view.setUint32(32 * wire + 4 * k, generator.readSharedRWMemory(k), true);
  }
  return out;
}

/** FNV-1a of 64 bits, by which the generator knows its inputs. */
function fnv1a(name: string): [high: number, low: number] {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(name)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return [Number(hash >> 32n), Number(hash & 0xffffffffn)];
}

function readWord(generator: Generator): bigint {
  let value = 0n;
  for (let k = WORDS - 1; k >= 0; k--) value = (value << 32n) | BigInt(generator.readSharedRWMemory(k) >>> 0);
  return value;
}

function writeWord(generator: Generator, value: bigint): void {
  for (let k = 0; k < WORDS; k++) generator.writeSharedRWMemory(k, Number(BigInt.asUintN(32, value >> BigInt(32 * k))));
}
