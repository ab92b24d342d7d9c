/**
 * The disease tree that the governor fixes on chain: all (ancestor, descendant) pairs of one MONDO release
 * (https://mondo.monarchinitiative.org, CC BY 4.0), as a Merkle tree. Anybody who has the release builds the same root
 * and proves single pairs with `proveDisease`.
 */
import { id } from "ethers";
import { MedNexusError } from "../errors.ts";
import { merkleProof, merkleRoot } from "../merkle.ts";
import { type Hash, mondoLeaf } from "../transcript.ts";

/** Parents of each term, by CURIE. */
export type MondoParents = ReadonlyMap<string, readonly string[]>;

const CURIE = /^MONDO:\d{7}$/;

/** Reads `[Term]` stanzas of an OBO file: id and is_a of MONDO terms that are not obsolete. Parents in other ontologies are left out. Errors: `BAD_MONDO`. */
export function parseObo(text: string): MondoParents {
  const parents = new Map<string, string[]>();
  for (const stanza of text.split(/^\[/m).slice(1)) {
    const [head, ...lines] = stanza.split(/\r?\n/);
    if (head?.trim() !== "Term]") continue;
    const field = (name: string): string[] =>
      lines
        .filter((line) => line.startsWith(`${name}: `))
        .map((line) => line.slice(name.length + 2).split(/[ {!]/)[0]!);
    const [term] = field("id");
    if (term === undefined || !CURIE.test(term) || field("is_obsolete")[0] === "true") continue;
    if (parents.has(term)) throw new MedNexusError("BAD_MONDO", `${term} stands twice`);
    parents.set(
      term,
      field("is_a").filter((parent) => CURIE.test(parent)),
    );
  }
  return parents;
}

/** The part of a release below (and with) some terms: the whole has millions of pairs, a network needs the diseases that it studies. */
export function mondoBelow(all: MondoParents, tops: readonly string[]): MondoParents {
  const keep = new Set(tops);
  for (let before = -1; before !== keep.size;) {
    before = keep.size;
    for (const [term, parents] of all) if (parents.some((parent) => keep.has(parent))) keep.add(term);
  }
  return new Map([...keep].map((term) => [term, (all.get(term) ?? []).filter((parent) => keep.has(parent))]));
}

export interface MondoTree {
  readonly root: Hash;
  /** Pairs, proper ancestors only. */
  readonly size: number;
  /** Arguments of `proveDisease`. Throws `NOT_A_DESCENDANT`. */
  prove(ancestor: string, descendant: string): { ancestor: Hash; descendant: Hash; path: Hash[] };
}

/** The tree of all pairs; leaves in ascending order, so that the order of the input does not matter. Errors: `BAD_MONDO` (unknown parent, cycle, no pair). */
export function mondoTree(parents: MondoParents): MondoTree {
  const leaves: Hash[] = [];
  for (const term of parents.keys())
    for (const ancestor of ancestorsOf(parents, term)) leaves.push(mondoLeaf(id(ancestor), id(term)));
  if (leaves.length === 0) throw new MedNexusError("BAD_MONDO", "no term has a parent");
  leaves.sort();
  const places = new Map(leaves.map((leaf, i) => [leaf, i]));
  return {
    root: merkleRoot(leaves),
    size: leaves.length,
    prove(ancestor, descendant) {
      const pair = [id(ancestor), id(descendant)] as const;
      const place = places.get(mondoLeaf(...pair));
      if (place === undefined)
        throw new MedNexusError("NOT_A_DESCENDANT", `${descendant} is not below ${ancestor} in this tree`);
      return { ancestor: pair[0], descendant: pair[1], path: merkleProof(leaves, place) };
    },
  };
}

function ancestorsOf(parents: MondoParents, term: string): Set<string> {
  const found = new Set<string>();
  const open = [term];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const above = parents.get(at);
    if (above === undefined) throw new MedNexusError("BAD_MONDO", `${at} is named as a parent and missing`);
    for (const parent of above) {
      if (parent === term) throw new MedNexusError("BAD_MONDO", `${term} is its own ancestor`);
      if (found.has(parent)) continue;
      found.add(parent);
      open.push(parent);
    }
  }
  return found;
}
