/** `mednexus model …` against a whole deployment; what a seal promises is said wherever one is made or moved, and in the README. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import {
  aggregateHash,
  contentKey,
  encodeModel,
  lower,
  randomFr,
  readModelKey,
  readSealedModel,
  SEAL_PROMISE,
} from "@mednexus/sdk";
import { LocalStore, readSealKeys } from "@mednexus/sdk/node";
import { expect } from "chai";
import { id, type Wallet } from "ethers";
import { mednexus, type Outcome } from "../e2e/command.ts";
import { deployMarket, type Market } from "../fixtures/market.ts";
import { serveRpc } from "../fixtures/rpc.ts";
import { N } from "../fixtures/system.ts";
import { seededInt } from "../vectors/seeded.ts";

const root = resolve(import.meta.dirname, "../..");

describe("What a seal promises", () => {
  it("the README says, word for word", () => {
    const readme = readFileSync(join(root, "README.md"), "utf8").replaceAll(/\s+/g, " ");
    for (const line of SEAL_PROMISE) expect(readme).to.include(line);
  });

  it("is said in every file of the commands that seals a model, or moves a sealed one", () => {
    const files = spawnSync("git", ["ls-files", "--", "cli/src/**.ts"], { cwd: root, encoding: "utf8" })
      .stdout.split("\n")
      .filter((file) => file !== "")
      .filter((file) =>
        /\b(?:sealWeights|sealModel|signSealConsent|transferSealed|cloneSealed)\(|inft\.(?:seal|iTransfer|iClone)\b/.test(
          readFileSync(join(root, file), "utf8"),
        ),
      );
    expect(files).to.include("cli/src/commands/model.ts").and.to.include("cli/src/demo/market/story.ts");
    for (const file of files) expect(readFileSync(join(root, file), "utf8"), file).to.match(/of SEAL_PROMISE\)/);
  });
});

describe("mednexus model", function () {
  this.timeout(120_000);
  let market: Market;
  let rpc: { rpcUrl: string; close(): Promise<void> };
  let folder: string;
  let owner: Wallet;
  let at: string[];
  let vector: bigint[];

  before(async () => {
    market = await deployMarket();
    console.log(`      seed ${market.system.seed}`);
    rpc = await serveRpc(market.system.connection.provider);
    folder = mkdtempSync(join(tmpdir(), "mednexus-model-"));
    owner = await market.system.wallet("owner of models");
    const { random } = market.system;
    vector = [
      ...lower(Array.from({ length: N }, () => seededInt(random, -(1n << 30n), 1n << 30n))),
      ...Array.from({ length: 4 }, () => randomFr(random)),
    ];
    writeFileSync(file("deployment.json"), JSON.stringify(market.system.deployment));
    writeFileSync(file("account.json"), JSON.stringify({ account: owner.privateKey }), { mode: 0o600 });
    writeFileSync(file("a.model"), encodeModel(vector));
    at = ["--rpc", rpc.rpcUrl, "--deployment", file("deployment.json"), "--key", file("account.json")];
  });

  after(async () => {
    await rpc?.close();
    await market?.system.connection.close();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  const file = (name: string): string => join(folder, name);
  const model = (...args: string[]): Promise<Outcome> => mednexus(["model", ...args]);
  const terms = ["--royalty", "500", "--runtime", id("runtime"), "--uri", "ipfs://model"];
  const seal = (token: bigint, weights: string, ...more: string[]): Promise<Outcome> =>
    model(
      "seal",
      String(token),
      "--weights",
      file(weights),
      "--holder",
      file("seal.json"),
      "--store",
      file("store"),
      ...at,
      ...more,
    );
  /** All of it, and before what was done. */
  const promised = ({ code, stdout, stderr }: Outcome, done: string): void => {
    expect(code, stderr).to.equal(0);
    const lines = stdout.trim().split("\n");
    expect(lines.slice(0, SEAL_PROMISE.length)).to.deep.equal(SEAL_PROMISE.map((line) => `- ${line}`));
    expect(lines[SEAL_PROMISE.length]).to.match(new RegExp(`^${done} `));
  };

  it("makes a holder's key file, readable by its owner, and overwrites none", async () => {
    const made = await model("keygen", "--out", file("seal.json"), "--json");
    expect(made.code, made.stderr).to.equal(0);
    const { publicKey } = readSealKeys(file("seal.json"));
    expect(JSON.parse(made.stdout)).to.deep.equal({ x: String(publicKey.x), y: String(publicKey.y) });
    expect(statSync(file("seal.json")).mode & 0o777).to.equal(0o600);
    expect((await model("keygen", "--out", file("seal.json"))).code).to.equal(2);
  });

  it("mint says what sealing promises, then mints", async () => {
    const { inft } = market.contracts;
    promised(await model("mint", ...terms, ...at), "model");
    const split = `${owner.address}:7000,${market.system.deployment.addresses.vault}:3000`;
    const said = await model("mint", ...terms, "--split", split, ...at, "--json");
    expect(said.code, said.stderr).to.equal(0);
    const { model: token, promise } = JSON.parse(said.stdout) as { model: string; promise: string[] };
    expect(promise).to.deep.equal(SEAL_PROMISE);
    expect(await inft.ownerOfModel(token)).to.equal(owner.address);
    expect(await inft.creatorOf(token)).to.equal(owner.address);
    expect(await inft.royaltyBpsOf(token)).to.equal(500n);
    expect((await inft.splitOf(token)).map((payee) => (payee as unknown as { bps: bigint }).bps)).to.deep.equal([
      7_000n,
      3_000n,
    ]);
    expect(await inft.isSealed(token)).to.equal(false);
  });

  it("seal says it, too; the holder alone opens what it stored", async () => {
    const { id: token } = await market.model(owner, { root: aggregateHash(vector) });
    promised(await seal(token, "a.model"), "model");
    const { dataHash } = await market.contracts.inft.sealOf(token);
    const key = await readModelKey(market.contracts, token, readSealKeys(file("seal.json")).secret);
    expect(await readSealedModel(new LocalStore(file("store")), dataHash, contentKey(key))).to.deep.equal(vector);
    const anew = await seal(token, "a.model", "--json");
    expect(anew.code, anew.stderr).to.equal(0);
    expect(JSON.parse(anew.stdout)).to.deep.include({ model: String(token), promise: SEAL_PROMISE });
    expect((await market.contracts.inft.sealOf(token)).sequence).to.equal(2n);
    expect(anew.stdout).to.not.include(String(key)).and.to.not.include(String(vector[N]));
  });

  it("refuses other weights than the version's, and what is no model", async () => {
    const { id: token } = await market.model(owner, { root: aggregateHash(vector) });
    writeFileSync(file("b.model"), encodeModel([vector[0]! + 1n, ...vector.slice(1)]));
    const other = await seal(token, "b.model");
    expect(other.code).to.equal(2);
    expect(other.stderr).to.match(/^WRONG_WEIGHTS: /);
    expect(other.stdout.trim().split("\n"), "said before anything is done").to.have.length(SEAL_PROMISE.length);
    writeFileSync(file("c.model"), "not a model");
    expect(await seal(token, "c.model")).to.include({ code: 2 });
    expect(await market.contracts.inft.isSealed(token)).to.equal(false);
  });

  it("names a wrong argument, exit code 2, and mints nothing", async () => {
    const { inft } = market.contracts;
    const minted = async () => (await inft.queryFilter(inft.filters.ModelMinted())).length;
    const before = await minted();
    const bad: [string[], string][] = [
      [["mint", ...at], "--royalty"],
      [["mint", ...terms, "--royalty", "1001", ...at], "--royalty 1001"],
      [["mint", ...terms, "--runtime", "0x12", ...at], "--runtime"],
      [["mint", ...terms, "--split", `${owner.address}:9999`, ...at], "--split"],
      [["mint", ...terms, "--split", "me:10000", ...at], "--split"],
      [["mint", ...terms], "--key"],
      [["seal", ...at], "MODEL"],
    ];
    for (const [args, named] of bad) {
      const { code, stderr, stdout } = await model(...args);
      expect(code, args.join(" ")).to.equal(2);
      expect(stderr).to.include(named);
      expect(stdout).to.equal("");
    }
    expect(await minted()).to.equal(before);
    for (const verb of ["keygen", "mint", "seal"]) expect((await model(verb, "--help")).code).to.equal(0);
  });
});
