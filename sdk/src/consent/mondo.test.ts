import { expect } from "chai";
import { id } from "ethers";
import { verifyMerkleProof } from "../merkle.ts";
import { mondoLeaf } from "../transcript.ts";
import { mondoBelow, mondoTree, parseObo } from "./mondo.ts";

/** A few terms in the form of a release file; terms of other ontologies, other stanzas and obsolete terms among them. */
const OBO = `format-version: 1.2
ontology: mondo

[Term]
id: MONDO:0000001
name: disease

[Term]
id: MONDO:0004992
name: cancer
is_a: MONDO:0000001 ! disease

[Term]
id: MONDO:0007254
name: breast cancer
is_a: MONDO:0004992 {source="DOID:1612"} ! cancer

[Term]
id: MONDO:0002561
name: lysosomal storage disease
is_a: MONDO:0000001 ! disease

[Term]
id: MONDO:0001982
name: Niemann-Pick disease
is_a: MONDO:0002561 ! lysosomal storage disease

[Term]
id: MONDO:0018982
name: Niemann-Pick disease type C
is_a: MONDO:0001982 ! Niemann-Pick disease
is_a: HP:0000118 ! another ontology's

[Term]
id: MONDO:0000009
name: obsolete
is_obsolete: true

[Term]
id: HP:0000118
name: phenotypic abnormality

[Typedef]
id: part_of
is_a: MONDO:0000001
`;

describe("MONDO tree", () => {
  const all = parseObo(OBO);

  it("reads MONDO's own terms and parents, and leaves out what is obsolete or foreign", () => {
    expect([...all.keys()]).to.have.members([
      "MONDO:0000001",
      "MONDO:0004992",
      "MONDO:0007254",
      "MONDO:0002561",
      "MONDO:0001982",
      "MONDO:0018982",
    ]);
    expect(all.get("MONDO:0018982")).to.deep.equal(["MONDO:0001982"]);
    expect(parseObo(OBO.replaceAll("\n", "\r\n"))).to.deep.equal(all);
  });

  it("holds every proper ancestor, proves each, and nothing else", () => {
    const tree = mondoTree(all);
    expect(tree.size).to.equal(1 + 2 + 1 + 2 + 3);
    const { ancestor, descendant, path } = tree.prove("MONDO:0002561", "MONDO:0018982");
    expect([ancestor, descendant]).to.deep.equal([id("MONDO:0002561"), id("MONDO:0018982")]);
    expect(verifyMerkleProof(tree.root, mondoLeaf(ancestor, descendant), path)).to.equal(true);
    expect(verifyMerkleProof(tree.root, mondoLeaf(descendant, ancestor), path)).to.equal(false);
    for (const [above, below] of [
      ["MONDO:0018982", "MONDO:0002561"],
      ["MONDO:0004992", "MONDO:0018982"],
      ["MONDO:0018982", "MONDO:0018982"],
    ])
      expect(() => tree.prove(above!, below!))
        .to.throw()
        .with.property("code", "NOT_A_DESCENDANT");
  });

  it("does not depend on the order of the file; a part of a release has its own root", () => {
    expect(mondoTree(new Map([...all].reverse())).root).to.equal(mondoTree(all).root);
    const part = mondoBelow(all, ["MONDO:0002561"]);
    expect([...part.keys()]).to.have.members(["MONDO:0002561", "MONDO:0001982", "MONDO:0018982"]);
    expect(mondoTree(part).size).to.equal(3);
    expect(mondoTree(part).root).to.not.equal(mondoTree(all).root);
  });

  it("refuses unknown parents, cycles, doubled terms and trees without a pair", () => {
    for (const parents of [
      new Map([["MONDO:0000001", ["MONDO:0000002"]]]),
      new Map([
        ["MONDO:0000001", ["MONDO:0000002"]],
        ["MONDO:0000002", ["MONDO:0000001"]],
      ]),
      new Map([["MONDO:0000001", []]]),
    ])
      expect(() => mondoTree(parents))
        .to.throw()
        .with.property("code", "BAD_MONDO");
    expect(() => parseObo(OBO + OBO))
      .to.throw()
      .with.property("code", "BAD_MONDO");
  });
});
