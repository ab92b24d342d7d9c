import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { deploySystem, type System } from "../fixtures/system.ts";
import { type Hospital, startTown, type Town } from "../fixtures/hospitals.ts";
import { mednexus, type Outcome } from "./command.ts";

/** `mednexus data` as an institution, its readers and its custodians use it, against a real chain. */
describe("mednexus data", function () {
  this.timeout(400_000);

  let system: System;
  let town: Town;
  let hospital: Hospital;
  let folder: string;
  let own: string[];
  let store: string;
  const plaintext = Buffer.from("patient,finding\n".repeat(200_000)); // over three chunks

  before(async () => {
    system = await deploySystem();
    town = await startTown(system, 1);
    hospital = town.hospitals[0]!;
    await hospital.stop(); // one process at a time has the state
    folder = mkdtempSync(join(tmpdir(), "mednexus-data-"));
    own = ["--config", join(hospital.folder, "hospital.json")];
    hospital.config();
    store = join(hospital.folder, "state", "datasets");
    writeFileSync(join(folder, "table.csv"), plaintext);
    for (const name of ["reader", "stranger", "c1", "c2", "c3"])
      publicKey[name] = (await key(name)).publicKey as string;
  });
  after(async () => {
    await town?.stop();
    await system?.connection.close();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  const publicKey: Record<string, string> = {};
  const at = (name: string): string => join(folder, name);
  const data = (...args: string[]): Promise<Outcome> => mednexus(["data", ...args]);
  const answer = async (...args: string[]): Promise<Record<string, unknown>> => {
    const { code, stdout, stderr } = await data(...args, "--json");
    expect(code, stderr).to.equal(0);
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  const key = (name: string) => answer("keygen", "--out", at(`${name}.key`));
  const asReader = (name: string, envelope: string): string[] => [
    "--store",
    store,
    "--key",
    at(`${name}.key`),
    "--envelope",
    envelope,
  ];
  const refused = async (code: number, word: string, ...args: string[]): Promise<void> => {
    const outcome = await data(...args);
    expect([outcome.code, outcome.stdout, outcome.stderr.split("\n").length], outcome.stderr).to.deep.equal([
      code,
      "",
      2,
    ]);
    expect(outcome.stderr).to.include(word);
  };

  let dataset: string;
  let manifest: string;
  let token: string;
  let envelope: string;

  it("add encrypts a file and puts it on chain; the institution and a named reader get it back, nobody else", async () => {
    const added = await answer(
      "add",
      at("table.csv"),
      ...own,
      "--records",
      "200000",
      "--readers",
      publicKey["reader"]!,
      "--register",
    );
    [dataset, manifest, token] = [added["dataset"] as string, added["manifest"] as string, added["token"] as string];
    [{ root: envelope }] = added["envelopes"] as [{ root: string }];
    const chain = await system.contracts.datasets.versionOf(BigInt(token), 1);
    expect([chain.manifestHash, chain.storageRoot, chain.recordCount]).to.deep.equal([
      manifest,
      added["root"],
      200_000n,
    ]);

    await answer("get", ...own, "--dataset", dataset, "--out", at("own.csv"));
    expect(readFileSync(at("own.csv")).equals(plaintext)).to.equal(true);
    const checks = ["--rpc", town.rpcUrl, "--deployment", join(town.folder, "deployment.json"), "--token", token];
    await answer("get", ...asReader("reader", envelope), ...checks, "--out", at("read.csv"));
    expect(readFileSync(at("read.csv")).equals(plaintext)).to.equal(true);
    expect(statSync(at("read.csv")).mode & 0o077).to.equal(0);
    await refused(1, "CANNOT_OPEN", "get", ...asReader("stranger", envelope), "--out", at("none.csv"));
    await refused(2, "FILE_EXISTS", "get", ...asReader("reader", envelope), "--out", at("read.csv"));
    expect(await answer("verify", "--store", store, "--manifest", manifest, ...checks)).to.include({
      ok: true,
      chain: "agrees",
    });
    expect(await answer("verify", ...asReader("reader", envelope))).to.include({ ok: true, chunks: "all open" });
  });

  it("share seals to one more reader, also through a file", async () => {
    const { envelope: shared } = await answer(
      "share",
      ...own,
      "--dataset",
      dataset,
      "--reader",
      publicKey["stranger"]!,
      "--out",
      at("envelope.json"),
    );
    for (const one of [shared as string, at("envelope.json")])
      expect(await answer("verify", ...asReader("stranger", one))).to.include({ ok: true, chunks: "all open" });
  });

  it("[attack 137] rotate makes a version that the old readers cannot open; the chain refuses theirs as rolled back", async () => {
    const rotated = await answer(
      "rotate",
      ...own,
      "--dataset",
      dataset,
      "--readers",
      publicKey["reader"]!,
      "--register",
    );
    expect(rotated).to.include({ version: 2, token });
    expect(String(rotated["warning"])).to.include("can still open what they had");
    const checks = ["--rpc", town.rpcUrl, "--deployment", join(town.folder, "deployment.json"), "--token", token];
    await refused(1, "ROLLED_BACK", "get", ...asReader("reader", envelope), ...checks, "--out", at("old.csv"));
    await answer("verify", ...asReader("reader", envelope), ...checks, "--old");
    const [next] = rotated["envelopes"] as [{ root: string }];
    await answer("verify", ...asReader("reader", next.root), ...checks);
    await refused(1, "CANNOT_OPEN", "verify", ...asReader("stranger", next.root));
  });

  it("[attack 139] in custody two of three custodians release their shares to a reader; fewer are not enough", async () => {
    const custodians = ["c1", "c2", "c3"].map((name) => publicKey[name]!).join();
    const added = await answer(
      "add",
      at("table.csv"),
      ...own,
      "--records",
      "9",
      "--custodians",
      custodians,
      "--threshold",
      "2",
    );
    expect(added["custody"]).to.equal(true);
    const [a, , c] = (added["envelopes"] as { root: string }[]).map(({ root }) => root) as [string, string, string];
    const release = (name: string, share: string) =>
      answer("custodian", "release", ...asReader(name, share), "--to", publicKey["reader"]!);
    const [first, third] = [await release("c1", a), await release("c3", c)];
    expect([first["share"], third["share"]]).to.deep.equal([1, 3]);
    const shares = `${String(first["envelope"])},${String(third["envelope"])}`;
    await answer("get", ...asReader("reader", shares), "--out", at("custody.csv"));
    expect(readFileSync(at("custody.csv")).equals(plaintext)).to.equal(true);
    const custody = ["--custodians", custodians, "--threshold", "3"];
    const again = ["rotate", ...own, "--dataset", String(added["dataset"]), ...custody];
    await refused(1, "IN_CUSTODY", ...again);
    const rotated = await answer(...again, "--key", at("reader.key"), "--envelope", shares);
    expect([rotated["version"], rotated["custody"]]).to.deep.equal([2, true]);
    await refused(1, "VERSION_GAP", "register", ...own, "--dataset", String(added["dataset"]));
    await refused(1, "TOO_FEW_SHARES", "verify", ...asReader("reader", String(first["envelope"])));
    await refused(2, "give --key", "get", ...own, "--dataset", String(added["dataset"]), "--out", at("x"));
    await refused(1, "CANNOT_OPEN", "custodian", "release", ...asReader("c2", a), "--to", publicKey["reader"]!);
  });

  it("a Ctrl-C leaves nothing half done; the same command continues (exit code 130, then 0)", async () => {
    const large = Buffer.alloc(24 * 2 ** 20, "0123456789");
    writeFileSync(at("large.bin"), large);
    const command = ["data", "add", at("large.bin"), ...own, "--records", "1", "--json"];
    const partial = join(store, "partial");
    const stopped = await mednexus(command, (child) => {
      const timer = setInterval(() => {
        const [name] = readdirSync(partial);
        if (name === undefined || statSync(join(partial, name)).size < 4 * 2 ** 20) return;
        clearInterval(timer);
        child.kill("SIGINT");
      }, 5);
    });
    expect(stopped.code, stopped.stderr).to.equal(130);
    const left = statSync(join(partial, readdirSync(partial)[0]!)).size;
    expect(left)
      .to.be.greaterThan(2 ** 20)
      .and.lessThan(large.length);
    const listed = await answer("list", ...own);
    expect((listed["unfinished"] as object[]).length).to.equal(1);
    const { code, stdout, stderr } = await mednexus(command);
    expect(code, stderr).to.equal(0);
    const { dataset: resumed } = JSON.parse(stdout) as { dataset: string };
    await answer("get", ...own, "--dataset", resumed, "--out", at("large.out"));
    expect(readFileSync(at("large.out")).equals(large)).to.equal(true);
    for (const name of ["large.bin", "large.out", "own.csv", "read.csv", "custody.csv"]) rmSync(at(name));
    expect(readdirSync(partial)).to.deep.equal([]);
  });

  it("erase wants --yes, then leaves nothing here, finds a copy elsewhere (exit code 1), and says what it cannot prove", async () => {
    await refused(2, "--yes", "erase", ...own, "--dataset", dataset);
    const before = await answer("list", ...own);
    const record = (before["datasets"] as { dataset: string; versions: { root: string }[] }[]).find(
      (each) => each.dataset === dataset,
    )!;
    expect(JSON.stringify(before)).to.not.include('"key"');
    const root = record.versions[1]!.root.slice(2);
    writeFileSync(at("copy"), readFileSync(join(store, root.slice(0, 2), root)).subarray(5));
    const erased = await data("erase", ...own, "--dataset", dataset, "--yes", "--search", folder, "--json");
    expect(erased.code, erased.stderr).to.equal(1);
    const report = JSON.parse(erased.stdout) as { removed: string[]; found: object[]; notProved: string[] };
    expect(report.found).to.deep.equal([
      { file: at("copy"), what: "ciphertext of version 2" },
      { file: at("envelope.json"), what: "manifest hash of version 1" },
      { file: at("envelope.json"), what: "envelope of version 1" },
    ]);
    expect(report.notProved.join()).to.include("backups").and.include("2 reader(s)");
    await refused(1, "NOT_STORED", "get", ...asReader("reader", envelope), "--out", at("gone.csv"));
    await refused(2, "NO_DATASET", "get", ...own, "--dataset", dataset, "--out", at("gone.csv"));
  });

  it("bad input: exit code 2 and one line that names it", async () => {
    const add = ["add", at("table.csv"), ...own, "--records", "1"];
    await refused(2, "--records", "add", at("table.csv"), ...own);
    await refused(2, "BAD_READER_KEY", ...add, "--readers", "0x12");
    await refused(2, "--threshold", ...add, "--custodians", publicKey["c1"]!);
    await refused(2, "not both", ...add, "--custodians", publicKey["c1"]!, "--readers", publicKey["c2"]!);
    await refused(2, "BAD_KEY_FILE", "verify", ...asReader("absent", envelope));
    writeFileSync(
      at("zero-g.json"),
      JSON.stringify({ indexer: "http://127.0.0.1:1", rpc: "http://127.0.0.1:1", keyVariable: "ABSENT_KEY" }),
    );
    await refused(2, "ZERO_G_KEY", "verify", ...asReader("reader", envelope), "--zero-g", at("zero-g.json"));
  });
});
