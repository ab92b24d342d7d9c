import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { CONTRACTS, ROUND_STATES, memberKey } from "@mednexus/sdk";
import { expect } from "chai";
import * as tables from "../ponder.schema.ts";
import {
  CAMPAIGN_STATES,
  type DecodedLog,
  type EntityName,
  KEY_ALGORITHMS,
  ROUND_KINDS,
  SILENT_EVENTS,
  contractNames,
  entityNames,
  eventsOf,
  fieldsOf,
  paramAt,
  patchesOf,
  replay,
  ruledEvents,
  rules,
} from "./index.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const log = (over: Partial<DecodedLog>): DecodedLog => ({
  contract: "vault",
  event: "Deposited",
  args: {},
  blockNumber: 7n,
  timestamp: 1_700_000_000n,
  logIndex: 3,
  ...over,
});

describe("history: one description, no drift", () => {
  it("Ponder has a table for every entity, with its fields and no other", () => {
    expect(Object.keys(tables).sort()).to.deep.equal([...entityNames].sort());
    const SQL = { text: "text", ref: "text", hex: "text", bool: "boolean", uint: "numeric(78)" };
    for (const name of entityNames) {
      const table = tables[name] as unknown as Record<string, { notNull: boolean; getSQLType(): string } | undefined>;
      for (const [field, kind] of Object.entries(fieldsOf(name))) {
        expect(table[field]?.getSQLType(), `${name}.${field}`).to.equal(SQL[kind]);
        expect(table[field]?.notNull, `${name}.${field}`).to.equal(true);
      }
      const columns = Object.entries(table).filter(([, c]) => typeof c?.getSQLType === "function");
      expect(columns.map(([f]) => f).sort(), name).to.deep.equal(["id", ...Object.keys(fieldsOf(name))].sort());
    }
  });

  it("every entity's list has one name in both: graph-node forms English plurals, Ponder appends an s", () => {
    const irregular = entityNames.filter((name) => /(?:s|x|z|ch|sh|[^aeiou]y)$/i.test(name));
    expect(irregular).to.deep.equal([]);
  });

  it("the subgraph's schema has the same types, fields and kinds", () => {
    const schema = readFileSync(join(ROOT, "subgraph/generated/schema.graphql"), "utf8");
    const types = new Map([...schema.matchAll(/^type (\w+) @entity[^{]*\{([^}]*)\}/gm)].map((m) => [m[1], m[2] ?? ""]));
    const GRAPHQL = { text: "String!", ref: "String!", hex: "Bytes!", bool: "Boolean!", uint: "BigInt!" };
    expect([...types.keys()].sort()).to.deep.equal(
      entityNames.map((n) => n.charAt(0).toUpperCase() + n.slice(1)).sort(),
    );
    for (const name of entityNames) {
      const body = types.get(name.charAt(0).toUpperCase() + name.slice(1)) ?? "";
      const fields = Object.fromEntries([...body.matchAll(/^ {2}(\w+): (\S+)$/gm)].map((m) => [m[1], m[2]]));
      const wanted = Object.entries(fieldsOf(name)).map(([field, kind]) => [field, GRAPHQL[kind]]);
      expect(fields, name).to.deep.equal({ id: "ID!", ...Object.fromEntries(wanted) });
    }
  });

  it("every event of every contract has rules or is named silent, and every rule has its event", () => {
    const ruled = new Set([...ruledEvents()].map(([contract, event]) => `${contract}.${event.name}`));
    const written = contractNames.flatMap((c) => Object.keys(rules[c] ?? {}).map((event) => `${c}.${event}`));
    expect(
      written.filter((event) => !ruled.has(event)),
      "rules without an event",
    ).to.deep.equal([]);
    const events = CONTRACTS.flatMap((c) => eventsOf(c).map((e) => [`${c}.${e.name}`, e.name] as const));
    const unheard = events.filter(
      ([full, name]) => !ruled.has(full) && !SILENT_EVENTS.has(full) && !SILENT_EVENTS.has(name),
    );
    expect(unheard, "events without rules").to.deep.equal([]);
  });

  it("rules write fields that exist from arguments that exist, and every field is written", () => {
    const written = new Map<string, Set<string>>(entityNames.map((name) => [name, new Set()]));
    for (const [contract, event] of ruledEvents()) {
      for (const w of rules[contract]?.[event.name] ?? []) {
        for (const [field, value] of [...Object.entries(w.set), ...Object.entries(w.add), ...Object.entries(w.sub)]) {
          expect(fieldsOf(w.entity as EntityName), `${event.name} writes ${w.entity}`).to.have.property(field);
          written.get(w.entity)?.add(field);
          if (typeof value === "string" && !value.startsWith("@")) paramAt(event, value);
        }
        for (const path of w.id) if (!path.startsWith("@")) paramAt(event, path);
      }
    }
    const common = ["createdBlock", "createdAt", "updatedAt"];
    const idle = entityNames.flatMap((name) =>
      Object.keys(fieldsOf(name))
        .filter((field) => !common.includes(field) && written.get(name)?.has(field) !== true)
        .map((field) => `${name}.${field}`),
    );
    expect(idle, "fields that nothing writes").to.deep.equal([]);
  });

  it("names of enum members are those of the contracts", () => {
    const members = (file: string, name: string): string[] => {
      const body =
        new RegExp(`enum ${name} \\{([^}]*)\\}`).exec(readFileSync(join(ROOT, "contracts", file), "utf8"))?.[1] ?? "";
      return body
        .replaceAll(/\/\/.*$/gm, "")
        .split(",")
        .map((m) => m.trim())
        .filter((m) => m !== "");
    };
    expect(members("types/Training.sol", "RoundState")).to.deep.equal([...ROUND_STATES]);
    expect(members("types/Training.sol", "RoundKind")).to.deep.equal([...ROUND_KINDS]);
    expect(members("interfaces/ICampaignRegistry.sol", "CampaignState")).to.deep.equal([...CAMPAIGN_STATES]);
    expect(members("interfaces/IAttestationRegistry.sol", "Algorithm")).to.deep.equal([...KEY_ALGORITHMS]);
  });
});

describe("history: what an event writes", () => {
  const token = `0x${"AB".repeat(20)}`;
  const owner = `0x${"0c".repeat(20)}`;
  const bytes = (n: string): string => `0x${n.repeat(32)}`;

  it("[attack 131] sums of amounts over 2^53 are exact", () => {
    const amount = 2n ** 200n + 1n;
    const deposited = log({ args: { token, purpose: bytes("01"), party: bytes("02"), from: owner, amount } });
    const credited = log({
      event: "Credited",
      args: { token, fromPurpose: bytes("01"), fromParty: bytes("02"), owner, amount: 2n ** 53n + 1n },
      logIndex: 4,
    });
    const after = replay([deposited, credited]);
    const id = `${token.toLowerCase()}-${bytes("01")}-${bytes("02")}`;
    expect(after.get("vaultBalance")?.get(id)?.["amount"]).to.equal(amount - 2n ** 53n - 1n);
    expect(after.get("vaultCredit")?.get(`${token.toLowerCase()}-${owner}`)?.["amount"]).to.equal(2n ** 53n + 1n);
    expect(after.get("vaultMove")?.get("7-3")?.["amount"]).to.equal(amount);
  });

  it("a member's key is the protocol's", () => {
    const c = { x: 5n, y: 6n };
    const detail = { c, a: [], shareManifest: bytes("03"), h: 1n, y: 2n };
    const args = {
      round: 1n,
      institution: token.toLowerCase(),
      dataset: 2n,
      index: 0,
      verified: true,
      datasetVersion: 1,
      consentEpoch: 1n,
      records: 9n,
      normBound2: 8n,
      detail,
    };
    const [update] = patchesOf(log({ contract: "rounds", event: "UpdateSubmitted", args }));
    expect(update?.id).to.equal("1-0");
    expect(update?.set["memberKey"]).to.equal(memberKey(token.toLowerCase(), c));
  });

  it("a freeze marks exactly the members in its bitmap, a draw seats every node", () => {
    const included = (1n << 255n) | 0b101n;
    const args = {
      round: 4n,
      setHash: bytes("04"),
      cAgg: { x: 1n, y: 2n },
      included,
      count: 3,
      totalRecords: 9n,
      lambda: 1n,
    };
    const frozen = patchesOf(log({ contract: "rounds", event: "RoundFrozen", args }));
    expect(frozen.filter((p) => p.entity === "memberUpdate").map((p) => p.id)).to.deep.equal(["4-0", "4-2", "4-255"]);
    const keys = [
      { x: 1n, y: 2n },
      { x: 3n, y: 4n },
    ];
    const drawn = log({
      contract: "rounds",
      event: "CommitteeDrawn",
      args: { round: 4n, nodes: [token, owner], keys, commitUntil: 5n },
    });
    expect([...(replay([drawn]).get("seat") ?? [])].map(([id, row]) => [id, row["node"], row["keyY"]])).to.deep.equal([
      ["4-0", token.toLowerCase(), 2n],
      ["4-1", owner, 4n],
    ]);
  });
});
