/**
 * What a node checks before it makes shares of a secret for keys that an RPC endpoint told it about. A lying endpoint
 * that alone is believed could name its own keys as the committee's and read the update from their shares.
 */
import { concat, keccak256 } from "ethers";
import { publishedKey } from "@mednexus/circuits";
import {
  type Address,
  type CommitKey,
  equalG1,
  type G1,
  type Hash,
  MedNexusError,
  readCommittee,
  readRound,
  type RoundView,
  srsHash,
  wordBytes,
} from "@mednexus/sdk";
import type { NodeContext } from "./context.ts";

export interface Seat {
  readonly node: Address;
  readonly key: G1;
}

/** keccak256 of a share key's two words: what institutions read to each other over the telephone. */
export const keyFingerprint = (key: G1): Hash => keccak256(concat([wordBytes(key.x), wordBytes(key.y)]));

/**
 * The committee of a round, believed: distinct seats, as many as the round says, each key the pinned one where policy
 * pins keys, and the same answer from every other endpoint this node was given.
 * Errors: `BAD_COMMITTEE`, `KEY_NOT_PINNED`, `RPC_DISAGREES`.
 */
export async function trustedCommittee(context: NodeContext, round: RoundView): Promise<Seat[]> {
  const committee = await readCommittee(context.contracts, round.id);
  const keys = new Set(committee.map(({ key }) => keyFingerprint(key)));
  const nodes = new Set(committee.map(({ node }) => node.toLowerCase()));
  if (committee.length !== round.nodes || nodes.size !== round.nodes || keys.size !== round.nodes)
    throw new MedNexusError(
      "BAD_COMMITTEE",
      `round ${round.id}: ${nodes.size} nodes with ${keys.size} keys, not ${round.nodes}`,
    );
  if (round.threshold < 1 || round.threshold >= round.nodes)
    throw new MedNexusError(
      "BAD_COMMITTEE",
      `round ${round.id}: threshold ${round.threshold} of ${round.nodes} protects nothing`,
    );
  requirePinned(context.policy.nodeKeys, committee, round.id);
  const said = facts(round, committee);
  for (const [index, contracts] of context.witnesses.entries()) {
    const other = facts(await readRound(contracts, round.id), await readCommittee(contracts, round.id));
    if (other !== said)
      throw new MedNexusError(
        "RPC_DISAGREES",
        `round ${round.id}: witness ${index + 1} shows another round or committee than rpcUrl`,
        {
          retryable: true,
        },
      );
  }
  return committee;
}

/** Whether the key material on this machine is what the round was opened with. Errors: `KEY_MISMATCH`, `SRS_MISMATCH`. */
export function requireKeys(round: RoundView, key: CommitKey): void {
  if (srsHash(key.tauG1, key.tauG2) !== round.srsHash)
    throw new MedNexusError("SRS_MISMATCH", `round ${round.id} is over another reference string than the one here`);
  if (publishedKey("update", round.n).keyHash !== round.updateKeyHash)
    throw new MedNexusError(
      "KEY_MISMATCH",
      `round ${round.id} is verified under another update(${round.n}) key than the one here`,
    );
}

/** Whether C_M(t) that the round builds on is the model version it names. Errors: `BASE_MISMATCH`. */
export async function requireBase(context: Pick<NodeContext, "contracts">, round: RoundView): Promise<void> {
  const { c } = await context.contracts.versions.versionOf(round.model, round.baseVersion);
  if (!equalG1({ x: c.x, y: c.y }, round.base))
    throw new MedNexusError(
      "BASE_MISMATCH",
      `round ${round.id} names model ${round.model} version ${round.baseVersion} but another base`,
    );
}

function requirePinned(pins: Readonly<Record<Address, Hash>>, committee: readonly Seat[], round: bigint): void {
  if (Object.keys(pins).length === 0) return;
  const known = new Map(Object.entries(pins).map(([node, print]) => [node.toLowerCase(), print.toLowerCase()]));
  for (const { node, key } of committee) {
    if (known.get(node.toLowerCase()) !== keyFingerprint(key))
      throw new MedNexusError(
        "KEY_NOT_PINNED",
        `round ${round}: node ${node} sits with key ${keyFingerprint(key)}, which policy.nodeKeys does not list`,
      );
  }
}

/** What cannot differ between two honest views of a drawn round. */
const facts = (round: RoundView, committee: readonly Seat[]): string =>
  [
    round.campaign,
    round.model,
    round.kind,
    round.baseVersion,
    round.n,
    round.nodes,
    round.threshold,
    round.updateKeyHash,
    round.srsHash,
    round.base.x,
    round.base.y,
    ...committee.flatMap(({ node, key }) => [node.toLowerCase(), keyFingerprint(key)]),
  ].join();
