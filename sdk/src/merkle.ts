import { concat, keccak256 } from "ethers";
import { EncodingError } from "./errors.ts";
import type { Hash } from "./transcript.ts";

/** OpenZeppelin MerkleProof's convention: sibling pairs are sorted, and a leaf is hashed once more to become a node. */
export const leafNode = (leaf: Hash): Hash => keccak256(leaf);

const parent = (a: Hash, b: Hash): Hash => keccak256(BigInt(a) < BigInt(b) ? concat([a, b]) : concat([b, a]));

/** All levels, leaves first; a node without a sibling moves up unchanged. */
function levels(leaves: readonly Hash[]): Hash[][] {
  if (leaves.length === 0) throw new EncodingError("EMPTY_TREE", "a Merkle tree needs at least one leaf");
  const out = [leaves.map(leafNode)];
  while (out.at(-1)!.length > 1) {
    const level = out.at(-1)!;
    const next: Hash[] = [];
    for (let i = 0; i < level.length; i += 2)
      next.push(i + 1 < level.length ? parent(level[i]!, level[i + 1]!) : level[i]!);
    out.push(next);
  }
  return out;
}

/** Root over leaves such as `grantLeaf`'s. Throws EncodingError EMPTY_TREE. */
export const merkleRoot = (leaves: readonly Hash[]): Hash => levels(leaves).at(-1)![0]!;

/** Siblings from the leaf at `index` up to the root. Throws EncodingError LEAF_INDEX. */
export function merkleProof(leaves: readonly Hash[], index: number): Hash[] {
  if (!Number.isInteger(index) || index < 0 || index >= leaves.length) {
    throw new EncodingError("LEAF_INDEX", `no leaf ${index} among ${leaves.length}`);
  }
  const proof: Hash[] = [];
  let at = index;
  for (const level of levels(leaves)) {
    const sibling = level[at ^ 1];
    if (sibling !== undefined) proof.push(sibling);
    at >>= 1;
  }
  return proof;
}

export const verifyMerkleProof = (root: Hash, leaf: Hash, proof: readonly Hash[]): boolean =>
  proof.reduce(parent, leafNode(leaf)) === root;
