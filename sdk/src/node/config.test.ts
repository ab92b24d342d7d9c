import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { MedNexusError } from "../errors.ts";
import { field, pathsBeside, readDeployment, readJson, readKeyFile, serviceFields, writeKeyFile, z } from "./config.ts";

describe("Configuration files", () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), "mednexus-config-"))));
  after(() => rmSync(folder, { recursive: true, force: true }));

  const file = (name: string, text: string, mode = 0o600): string => {
    const path = join(folder, name);
    writeFileSync(path, text, { mode });
    return path;
  };
  const errorOf = (run: () => unknown): MedNexusError => {
    try {
      run();
    } catch (error) {
      if (error instanceof MedNexusError) return error;
      throw error;
    }
    return expect.fail("accepted");
  };

  it("a wrong one is refused in one line that names the file and the field", () => {
    const schema = z.strictObject({ ...serviceFields, policy: z.strictObject({ least: field.id }) });
    const read = (value: object): string => {
      const path = file("a.json", JSON.stringify({ rpcUrl: "http://a", deployment: "d", ...value }));
      const { code, message } = errorOf(() => readJson(path, schema));
      expect(code).to.equal("BAD_CONFIG");
      expect(message).to.not.contain("\n");
      expect(message.startsWith(`${path}: `)).to.equal(true);
      return message.slice(path.length + 2).split(":")[0]!;
    };
    expect(read({ policy: { least: "0" } })).to.equal("policy.least");
    expect(read({ policy: { least: 2 ** 53 } })).to.equal("policy.least");
    expect(read({ policy: { least: 1 }, rpcUrl: "file:///etc/passwd" })).to.equal("rpcUrl");
    expect(read({ policy: { least: 1 }, proofs: "fpga" })).to.equal("proofs");
    expect(read({ policy: { least: 1 }, extra: 1 })).to.equal("root");
    for (const path of [file("b.json", "{"), join(folder, "absent.json")]) {
      expect(errorOf(() => readJson(path, schema))).to.include({
        code: "BAD_CONFIG",
        message: `${path} cannot be read as JSON`,
      });
      expect(errorOf(() => readDeployment(path)).code).to.equal("BAD_DEPLOYMENT");
    }
    const empty = file("c.json", "{}");
    expect(errorOf(() => readDeployment(empty))).to.include({ code: "BAD_DEPLOYMENT" });
    expect(errorOf(() => readDeployment(empty)).message).to.match(/c\.json: version: /);
  });

  it("numbers larger than 2^53 are exact", () => {
    const large = 2n ** 200n + 1n;
    for (const schema of [field.id, field.amount]) {
      expect(schema.parse(String(large))).to.equal(large);
      expect(schema.safeParse(1.5).success).to.equal(false);
      expect(schema.safeParse("-1").success).to.equal(false);
      expect(schema.safeParse("0x10").success).to.equal(false);
    }
    expect(field.amount.parse(0)).to.equal(0n);
    expect(field.id.safeParse(0).success).to.equal(false);
  });

  it("paths are relative to the file; those that are absent stay absent", () => {
    const config: { a: string; b: string; c?: string; d: string } = { a: "x/y", b: "/x", d: "z" };
    expect(pathsBeside("/etc/node/config.json", config, ["a", "b", "c"])).to.deep.equal({
      a: "/etc/node/x/y",
      b: "/x",
      d: "z",
    });
  });

  it("[attack 126] keys: owner only, never overwritten, and quoted by no error", () => {
    const schema = z.strictObject({ account: field.secret });
    const account = `0x${"5e".repeat(32)}`;
    const read = (path: string): unknown => readKeyFile(path, schema, "make one");
    const kept = join(folder, "key.json");
    writeKeyFile(kept, { account });
    expect(read(kept)).to.deep.equal({ account });
    expect(statSync(kept).mode & 0o077).to.equal(0);
    expect(errorOf(() => writeKeyFile(kept, { account: "other" })).code).to.equal("KEY_EXISTS");
    expect(readFileSync(kept, "utf8")).to.contain(account);

    const bad = [
      join(folder, "absent.json"),
      file("open.json", JSON.stringify({ account }), 0o640),
      file("cut.json", `{"account": "${account}"`),
      file("short.json", JSON.stringify({ account: account.slice(2) })),
      file("more.json", JSON.stringify({ account, [account]: account })),
    ];
    for (const path of bad) {
      const error = errorOf(() => read(path));
      expect(error.code, path).to.equal("BAD_KEY_FILE");
      expect(JSON.stringify([String(error), error.cause ?? ""]), path).to.not.contain("5e5e");
    }
  });
});
