import { expect } from "chai";
import { finalized, summed } from "../../fixtures/settle.ts";
import { deploySystem, type Institution, type System, units } from "../../fixtures/system.ts";

/** Whole transactions, by a prover that names itself and has no credit yet: the dearest case. */
const CEILING = 600_000;

describe("gas of finalize", () => {
  let system: System;
  let all: Institution[];

  before(async () => {
    system = await deploySystem();
    all = [];
    while (all.length < 32) all.push(await system.institution({ stake: units(2_000) }));
  });

  for (const count of [3, 32])
    it(`finalize of ${count} members, twice in a row`, async () => {
      const { campaign, members } = await system.campaign({
        terms: { maxMembers: BigInt(count) },
        members: all.slice(0, count),
        nodes: all.slice(0, 3),
      });
      let log = 0n;
      // The second stands on a base that is a point.
      for (const prover of [await system.institution(), await system.institution()]) {
        const round = await system.committed(campaign);
        for (const member of members) await system.submit(round, member);
        await system.frozen(round);
        await summed(system, round, all);
        const done = await finalized(system, round, prover, log);
        log = done.log;
        console.log(`      finalize of ${count}: ${done.receipt.gasUsed}`);
        if (process.env.TRACE) await trace(system, done.receipt.hash);
        expect(Number(done.receipt.gasUsed)).to.be.at.most(CEILING);
      }
    });
});
async function trace(system: any, hash: string) {
  const t: any = await (system.connection as any).provider.request({
    method: "debug_traceTransaction",
    params: [hash, { disableMemory: true, disableStorage: true }],
  });
  const names: any = {};
  for (const [k, v] of Object.entries(system.deployment.addresses)) names[String(v).toLowerCase()] = k;
  const logs = t.structLogs;
  const stack: any[] = [{ name: "root", gas: logs[0].gas, self: {} }];
  const out: string[] = [];
  for (let i = 0; i < logs.length; i++) {
    const l = logs[i],
      nx = logs[i + 1];
    const top = stack[stack.length - 1];
    if ((nx && nx.depth === l.depth) || !nx) {
      const cost = nx ? l.gas - nx.gas : l.gasCost;
      const op = [
        "SLOAD",
        "SSTORE",
        "LOG0",
        "LOG1",
        "LOG2",
        "LOG3",
        "LOG4",
        "STATICCALL",
        "CALL",
        "KECCAK256",
        "EXTCODESIZE",
        "EXTCODECOPY",
        "DELEGATECALL",
      ].includes(l.op)
        ? l.op
        : "other";
      top.self[op] = (top.self[op] ?? 0) + cost;
      top.n = (top.n ?? 0) + 1;
      if (op === "SLOAD") {
        if (cost > 1000) top.cold = (top.cold ?? 0) + 1;
        else top.warm = (top.warm ?? 0) + 1;
      }
      if (op === "SSTORE") top.stores = [...(top.stores ?? []), cost];
    } else if (nx.depth > l.depth) {
      const to = "0x" + l.stack[l.stack.length - 2].replace(/^0x/, "").padStart(64, "0").slice(24);
      stack.push({
        name: `${l.op} ${names[to] ?? to.slice(0, 10)}`,
        start: nx.gas,
        before: l.gas,
        self: {},
        at: out.length,
        depth: l.depth,
      });
      out.push("");
    } else {
      const f = stack.pop()!;
      const cost = f.before - nx.gas;
      out[f.at] =
        "  ".repeat(f.depth) +
        `${f.name} ${cost} ` +
        JSON.stringify(f.self) +
        ` cold ${f.cold ?? 0} warm ${f.warm ?? 0} ${f.stores ? "stores " + f.stores : ""}`;
    }
  }
  console.log(out.join("\n"));
  console.log(stack[0]);
}
