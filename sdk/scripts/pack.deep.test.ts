import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { expect } from "chai";

const root = resolve(import.meta.dirname, "..", "..");
const modules = join(root, "node_modules");

/** What a dApp does first, in plain JavaScript; its last line is the verdict. */
const PROGRAM = `
import { CommitKey, Curve, insecureSrs, keyHash, randomFr, randomFrVector, updateVector } from "@mednexus/sdk";
const curve = await Curve.load();
const key = await CommitKey.create(curve, await insecureSrs(curve, 16));
const vector = updateVector(Array.from({ length: 16 }, (_, j) => BigInt(j - 8)), randomFrVector(4));
const commitment = await key.commit(vector);
const point = randomFr();
const opening = await key.open(vector, point);
const good = await key.verifyOpening(commitment, point, opening);
const bad = await key.verifyOpening(commitment, point, { ...opening, y: opening.y + 1n });
console.log(good === true && bad === false && typeof keyHash === "function" ? "holds" : "broken");
`;

const CONSUMER = `
import { CommitKey, Curve, type G1, MedNexusError, type UpdateContext } from "@mednexus/sdk";
export const add = async (a: G1): Promise<G1> => (await Curve.load()).add(a, a);
export const round = (context: UpdateContext): bigint => context.round;
export const size = (key: CommitKey): number => key.n;
export const code = (error: MedNexusError): string => error.code;
// @ts-expect-error a point has bigint coordinates
export const wrong: G1 = { x: 1, y: 2 };
`;

describe("the published package", () => {
  let app: string;
  const installed = () => join(app, "node_modules", "@mednexus", "sdk");

  function run(command: string, ...args: string[]): string {
    const { status, stdout, stderr, error } = spawnSync(command, args, {
      cwd: app,
      encoding: "utf8",
      timeout: 600_000,
    });
    expect(status, `${stdout}${stderr}${error ?? ""}`).to.equal(0);
    return stdout.trim();
  }

  before(() => {
    app = mkdtempSync(join(tmpdir(), "mednexus-pack-"));
    const tarball = run(process.execPath, join(root, "sdk", "scripts", "pack.ts"), app)
      .split("\n")
      .at(-1)!;
    mkdirSync(installed(), { recursive: true });
    run("tar", "-xzf", tarball, "-C", installed(), "--strip-components=1");
    // the manifest's own dependencies and nothing else: what is not declared does not resolve
    const { dependencies } = JSON.parse(readFileSync(join(installed(), "package.json"), "utf8"));
    for (const name of Object.keys(dependencies)) {
      const place = join(app, "node_modules", name);
      mkdirSync(dirname(place), { recursive: true });
      // The package's own version, where the repository's root has another.
      const own = join(root, "sdk", "node_modules", name);
      symlinkSync(existsSync(own) ? own : join(modules, name), place);
    }
    writeFileSync(join(app, "package.json"), JSON.stringify({ type: "module" }));
    writeFileSync(join(app, "program.js"), PROGRAM);
    writeFileSync(join(app, "consumer.ts"), CONSUMER);
  });
  after(() => rmSync(app, { recursive: true, force: true }));

  it("holds JavaScript, declarations and a license, and no TypeScript source or test", () => {
    const files = readdirSync(installed(), { recursive: true, encoding: "utf8" });
    expect(files).to.include.members(["LICENSE", "package.json", join("lib", "index.js"), join("lib", "index.d.ts")]);
    expect(files.filter((file) => /\.test\.|(?<!\.d)\.ts$/.test(file))).to.deep.equal([]);
  });

  it("commits, opens and verifies from plain JavaScript outside the repository", () => {
    expect(run(process.execPath, "program.js")).to.equal("holds");
  });

  it("does so under the machine's own Node as well, 20 or newer", function () {
    const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => !folder.includes("node_modules"));
    const node = folders.map((folder) => join(folder, "node")).find((file) => existsSync(file));
    if (node === undefined) return this.skip();
    expect(Number(run(node, "-p", "process.versions.node.split('.')[0]"))).to.be.at.least(20);
    expect(run(node, "program.js")).to.equal("holds");
  });

  it("type-checks for a strict consumer", () => {
    const options = ["--strict", "--noEmit", "--target", "es2022", "--module", "nodenext", "--lib", "es2023,dom"];
    run(process.execPath, join(modules, ".bin", "tsc"), ...options, "--types", "", "consumer.ts");
  });

  it("bundles for browsers with no Node builtin, and the bundle works", async () => {
    const { build } = await import("esbuild");
    const result = await build({
      absWorkingDir: app,
      entryPoints: ["program.js"],
      bundle: true,
      platform: "browser",
      format: "esm",
      target: "es2022",
      outfile: "bundle.mjs",
      metafile: true,
      logLevel: "silent",
    });
    const imports = Object.values(result.metafile.inputs).flatMap((input) => input.imports);
    expect(imports.filter((used) => used.external).map((used) => used.path)).to.deep.equal([]);
    expect(readFileSync(join(app, "bundle.mjs"), "utf8")).to.not.match(
      /from\s*"node:|require\("(node:)?(fs|os|crypto|path)"\)/,
    );
    expect(run(process.execPath, "bundle.mjs")).to.equal("holds");
  });
});
