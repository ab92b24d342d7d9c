import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";

const bin = fileURLToPath(new URL("../../cli/bin/mednexus.js", import.meta.url));

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `mednexus ARGS` as a user does; `onStart` gets the process, e.g. to signal it; `temp`: its temporary folder. */
export function mednexus(
  args: readonly string[],
  onStart: (child: ChildProcess) => void = () => {},
  temp?: string,
): Promise<Outcome> {
  return new Promise((done, fail) => {
    const env = { ...process.env, ...(temp === undefined ? {} : { TMPDIR: temp }) };
    const child = spawn(process.execPath, [bin, ...args], { stdio: ["ignore", "pipe", "pipe"], env });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    child.on("error", fail);
    child.on("close", (code) => done({ code, stdout, stderr }));
    onStart(child);
  });
}

/** Processes that live in this temporary folder, by their environment: other runs on the machine are not ours. */
export function processesIn(folder: string): string[] {
  return readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid) && pid !== String(process.pid))
    .flatMap((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").includes(`TMPDIR=${folder}`)
          ? [readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")]
          : [];
      } catch {
        return []; // gone, or somebody else's
      }
    });
}

/** A temporary folder of each test's own, for a command that has to leave nothing behind. */
export function eachTemp(): { readonly path: string; expectNothingLeft(): void } {
  let path = "";
  beforeEach(() => (path = mkdtempSync(join(tmpdir(), "mednexus-e2e-"))));
  afterEach(() => rmSync(path, { recursive: true, force: true }));
  return {
    get path() {
      return path;
    },
    expectNothingLeft() {
      expect(processesIn(path)).to.deep.equal([]);
      expect(readdirSync(path)).to.deep.equal([]);
    },
  };
}

/** Calls `then` once the process has printed something that matches. */
export function onOutput(child: ChildProcess, pattern: RegExp, then: (match: RegExpExecArray) => void): void {
  let seen = "";
  const watch = (chunk: Buffer): void => {
    seen += chunk.toString();
    const match = pattern.exec(seen);
    if (match === null) return;
    child.stdout?.off("data", watch);
    then(match);
  };
  child.stdout?.on("data", watch);
}
