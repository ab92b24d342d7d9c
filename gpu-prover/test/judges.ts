/** Who else must accept a proof: snarkjs, and the contract on a chain. */
import { expect } from "chai";
import { type Circuit, toSnarkjs } from "@mednexus/circuits";
import { CommitKey, Curve, Fr, insecureSrs, type Proved, type Witnesses } from "@mednexus/sdk";
import * as snarkjs from "snarkjs";
import {
  deployVerification,
  registerDevSrs,
  registerKey,
  type Verification,
} from "../../test/unit/verification/deploy.ts";
import { encodeStatements } from "../../test/utils/simulate.ts";

export class Judges {
  readonly #curve: Curve;
  readonly #contracts: Verification;
  readonly #srs: bigint;
  readonly #ids = new Map<string, bigint>();

  private constructor(curve: Curve, contracts: Verification, srs: bigint) {
    [this.#curve, this.#contracts, this.#srs] = [curve, contracts, srs];
  }

  static async open(): Promise<Judges> {
    const contracts = await deployVerification();
    return new Judges(await Curve.load(), contracts, await registerDevSrs(contracts));
  }

  close(): Promise<void> {
    return this.#contracts.connection.close();
  }

  /**
   * snarkjs accepts the proof under the key in `zkey`; the contract accepts it under the published key, for `update` and `aggregate` together with the opening
   * of the commitment that the same witness makes; and both refuse it for the last public input plus one.
   */
  async accept<C extends Circuit>(
    circuit: C,
    n: number,
    witness: Witnesses[C],
    zkey: Uint8Array,
    proved: Proved,
  ): Promise<void> {
    const key = await snarkjs.zKey.exportVerificationKey({ type: "mem", data: zkey });
    const inSnarkjs = ({ proof, publicInputs }: Proved): Promise<boolean> =>
      snarkjs.groth16.verify(key, publicInputs.map(String), toSnarkjs(proof));
    const onChain = await this.#contract(circuit, n, witness);
    const last = proved.publicInputs.length - 1;
    const other = { ...proved, publicInputs: proved.publicInputs.with(last, Fr.add(proved.publicInputs[last]!, 1n)) };
    const name = `${circuit}(${n})`;
    expect(await inSnarkjs(proved), `snarkjs, ${name}`).to.equal(true);
    expect(await onChain(proved), `the contract, ${name}`).to.equal(true);
    expect(await inSnarkjs(other), `snarkjs, ${name} of another statement`).to.equal(false);
    expect(await onChain(other), `the contract, ${name} of another statement`).to.equal(false);
  }

  /** The contract's word on proofs of this witness. */
  async #contract<C extends Circuit>(
    circuit: C,
    n: number,
    witness: Witnesses[C],
  ): Promise<(proved: Proved) => Promise<boolean>> {
    const { verifier } = this.#contracts;
    const name = `${circuit}-${n}`;
    const id = this.#ids.get(name) ?? (await registerKey(this.#contracts, circuit, this.#srs, n));
    this.#ids.set(name, id);
    if (circuit !== "update" && circuit !== "aggregate")
      return ({ proof, publicInputs }) => verifier.verifyProof!(id, publicInputs, proof);
    const { values, blinders, r } = witness as Witnesses["update" | "aggregate"];
    const vector = [...values, ...blinders];
    const commitKey = await CommitKey.create(this.#curve, await insecureSrs(this.#curve, n));
    const c = await commitKey.commit(vector);
    const { w } = await commitKey.open(vector, r);
    return ({ proof, publicInputs }) =>
      verifier.verify!(id, encodeStatements([{ inputs: [...publicInputs], proof, c, w }]));
  }
}
