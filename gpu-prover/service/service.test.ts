import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { verifyProof } from "@mednexus/circuits";
import { Curve, MedNexusError } from "@mednexus/sdk";
import { groth16Keys } from "../../circuits/setup/groth16.ts";
import { trapdoor } from "../../circuits/setup/trapdoor.ts";
import { snarkjsEngine, type Engine } from "../engine.ts";
import { chain, wtns } from "../test/chain.ts";
import { ServiceEngine } from "./client.ts";
import type { Job } from "./jobs.ts";
import { ProvingService, type ServiceOptions } from "./server.ts";

const TOKEN = "a token for tests only";

describe("proving service", function () {
  this.timeout(180_000);
  let curve: Curve;
  let engine: Engine;
  let zkey: Uint8Array;
  let verifyingKey: Awaited<ReturnType<typeof groth16Keys>>["verifyingKey"];
  const folders: string[] = [];
  const children: ChildProcess[] = [];
  const folder = (): string => {
    const made = mkdtempSync(join(tmpdir(), "mednexus-prover-"));
    folders.push(made);
    return made;
  };
  before(async () => {
    curve = await Curve.load();
    engine = snarkjsEngine(curve);
    ({ zkey, verifyingKey } = await groth16Keys(chain(1n).r1cs, trapdoor));
  });
  after(async () => {
    for (const child of children) child.kill("SIGKILL");
    for (const made of folders) rmSync(made, { recursive: true, force: true });
    await engine.close();
  });

  const start = (options: Partial<ServiceOptions> = {}): Promise<ProvingService> =>
    ProvingService.start(engine, { folder: folder(), token: TOKEN, listen: 0, ...options });
  const ask = async (
    service: ProvingService,
    method: string,
    path: string,
    body?: Uint8Array,
    token = TOKEN,
  ): Promise<{ status: number; body: Record<string, unknown> }> => {
    const answer = await fetch(service.url + path, {
      method,
      headers: { authorization: `Bearer ${token}` },
      ...(body ? { body: body as Uint8Array<ArrayBuffer> } : {}),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  const held = (): Engine & { release(): void; started: number } => {
    let release = (): void => {};
    const gate = new Promise<void>((done) => (release = done));
    const made = {
      name: "held",
      started: 0,
      release: () => release(),
      close: async () => {},
      prove: async (key: Uint8Array, witness: Uint8Array) => {
        made.started++;
        await gate;
        return engine.prove(key, witness);
      },
    };
    return made;
  };

  it("64 requests at once are queued and answered, each with its own proof", async () => {
    const service = await start();
    const client = new ServiceEngine({ url: service.url, token: TOKEN });
    await Promise.all(
      Array.from({ length: 64 }, async (_, k) => {
        const { assignment } = chain(BigInt(k + 2));
        const { proof, publicInputs } = await client.prove(zkey, wtns(assignment));
        expect(publicInputs).to.deep.equal([BigInt(k + 2) ** 64n % (await modulus())]);
        expect(await verifyProof(curve, verifyingKey, publicInputs, proof)).to.equal(true);
      }),
    );
    const metrics = await (await fetch(`${service.url}/metrics`)).text();
    expect(metrics).to.contain('mednexus_prover_jobs_total{result="done"} 64');
    await service.stop();
  });

  it("refuses malformed keys, witnesses and requests with a typed error each, and lives on", async () => {
    const service = await start({ maxBody: 2_000_000 });
    const bad = async (
      status: number,
      code: string,
      method: string,
      path: string,
      body?: Uint8Array,
      token?: string,
    ) => {
      const answer = await ask(service, method, path, body, token);
      expect([answer.status, answer.body.code], path).to.deep.equal([status, code]);
    };
    await bad(400, "KEY_MALFORMED", "PUT", "/keys", new Uint8Array(100));
    await bad(400, "KEY_MALFORMED", "PUT", "/keys", zkey.subarray(0, zkey.length - 1));
    await bad(413, "TOO_LARGE", "PUT", "/keys", new Uint8Array(2_000_001));
    const { body } = await ask(service, "PUT", "/keys", zkey);
    const file = wtns(chain(3n).assignment);
    await bad(400, "UNKNOWN_KEY", "POST", `/jobs?key=${"0".repeat(64)}`, file);
    await bad(400, "UNKNOWN_KEY", "POST", "/jobs?key=../../etc/passwd", file);
    await bad(400, "WITNESS_MALFORMED", "POST", `/jobs?key=${body.key}`, file.subarray(1));
    await bad(400, "BAD_JOB", "POST", `/jobs?key=${body.key}&priority=1e9`, file);
    await bad(400, "BAD_JOB", "POST", `/jobs?key=${body.key}&id=../x`, file);
    await bad(404, "NOT_FOUND", "GET", "/jobs/none");
    await bad(404, "NOT_FOUND", "GET", "/nothing");
    for (const token of ["", "wrong", `${TOKEN}x`])
      await bad(401, "UNAUTHORIZED", "GET", "/jobs/none", undefined, token);
    // a witness of another circuit, and one that does not satisfy this one, fail as jobs
    const bent = chain(3n).assignment;
    bent[40]! ^= 1;
    for (const [witness, code] of [
      [wtns(bent.subarray(0, 96)), "WITNESS_MISMATCH"],
      [wtns(bent), "PROOF_REJECTED"],
    ] as const) {
      const sent = await ask(service, "POST", `/jobs?key=${body.key}`, witness);
      expect(sent.status).to.equal(202);
      const job = (await ask(service, "GET", `/jobs/${sent.body.id}?wait=30000`)).body as unknown as Job;
      expect([job.state, job.error?.code]).to.deep.equal(["failed", code]);
    }
    const { publicInputs } = await new ServiceEngine({ url: service.url, token: TOKEN }).prove(zkey, file);
    expect(publicInputs).to.have.length(1);
    await service.stop();
  });

  it("broken connections, nonsense and an engine's own failures leave the service alive", async () => {
    const failing = { ...engine, prove: () => Promise.reject(new TypeError("a message that might quote a witness")) };
    let broken = true;
    const lines: string[] = [];
    const service = await ProvingService.start(
      { ...engine, prove: (...given) => (broken ? failing : engine).prove(...given) },
      { folder: folder(), token: TOKEN, listen: 0, log: (event) => lines.push(JSON.stringify(event)) },
    );
    const port = Number(new URL(service.url).port);
    const say = async (text: string): Promise<string> => {
      const socket = connect(port, "127.0.0.1").setEncoding("latin1");
      let answer = "";
      socket.on("data", (part: string) => (answer += part)).on("error", () => {});
      await new Promise<void>((sent) => socket.write(text, "latin1", () => sent()));
      if (text.includes("ontent-length")) socket.destroy(); // in the middle of what it announced
      await new Promise((closed) => socket.once("close", closed));
      return answer;
    };
    expect(await say("\0\x01\x02 nonsense\r\n\r\n")).to.match(/^HTTP\/1.1 400 /);
    const { key } = (await ask(service, "PUT", "/keys", zkey)).body;
    for (const start of ["PUT /keys", `POST /jobs?key=${key}&id=cut`])
      await say(`${start} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${TOKEN}\r\ncontent-length: 5000\r\n\r\nhalf`);
    expect((await ask(service, "GET", "/jobs/cut")).status).to.equal(404);

    const post = (id: string): Promise<unknown> =>
      ask(service, "POST", `/jobs?key=${key}&id=${id}`, wtns(chain(3n).assignment));
    await post("broken");
    const job = (await ask(service, "GET", "/jobs/broken?wait=30000")).body as unknown as Job;
    expect([job.state, job.error]).to.deep.equal(["failed", { code: "INTERNAL", message: "the prover failed" }]);
    expect(lines.join("\n")).not.to.contain("quote a witness");
    broken = false;
    await post("whole");
    expect((await ask(service, "GET", "/jobs/whole?wait=30000")).body.state).to.equal("done");
    await service.stop();
  });

  it("a key that went bad on disk is refused by name, and an upload mends it", async () => {
    const place = folder();
    const first = await start({ folder: place });
    const { key } = (await ask(first, "PUT", "/keys", zkey)).body;
    await first.stop();
    const path = join(place, "keys", `${key as string}.zkey`);
    writeFileSync(path, zkey.with(100, zkey[100]! ^ 1));
    const service = await start({ folder: place });
    const ended = async (id: string): Promise<unknown> => {
      await ask(service, "POST", `/jobs?key=${key}&id=${id}`, wtns(chain(3n).assignment));
      const { state, error } = (await ask(service, "GET", `/jobs/${id}?wait=30000`)).body as unknown as Job;
      return error?.code ?? state;
    };
    expect(await ended("first")).to.equal("KEY_DAMAGED");
    await ask(service, "PUT", "/keys", zkey);
    expect(await ended("second")).to.equal("done");
    await service.stop();
  });

  it("gives an engine as many jobs as it works on at once", async () => {
    const slow = { ...held(), inFlight: 3 };
    const service = await ProvingService.start(slow, { folder: folder(), token: TOKEN, listen: 0 });
    const { key } = (await ask(service, "PUT", "/keys", zkey)).body;
    for (let k = 0; k < 5; k++) await ask(service, "POST", `/jobs?key=${key}&id=job-${k}`, wtns(chain(3n).assignment));
    const metrics = await (await fetch(`${service.url}/metrics`)).text();
    expect(metrics).to.contain("mednexus_prover_proving 3\n").and.to.contain("mednexus_prover_queued 2\n");
    slow.release();
    for (let k = 0; k < 5; k++)
      expect((await ask(service, "GET", `/jobs/job-${k}?wait=30000`)).body.state).to.equal("done");
    await service.stop();
  });

  it("a full queue answers 429, higher priorities and earlier deadlines go first, late jobs are not begun", async () => {
    const slow = held();
    let now = 1000;
    const order: string[] = [];
    const service = await ProvingService.start(slow, {
      folder: folder(),
      token: TOKEN,
      listen: 0,
      queue: 5,
      clock: () => now,
      log: (event) => {
        const { event: name, id } = event as { event: string; id: string };
        if (name === "done" || name === "expired") order.push(`${id} ${name}`);
      },
    });
    const { key } = (await ask(service, "PUT", "/keys", zkey)).body;
    const post = (id: string, more = ""): Promise<{ status: number }> =>
      ask(service, "POST", `/jobs?key=${key}&id=${id}${more}`, wtns(chain(3n).assignment));
    await post("first");
    for (const [id, more] of [
      ["low", "&priority=-1"],
      ["plain", ""],
      ["soon", "&deadline=9000"],
      ["late", "&deadline=2000"],
      ["high", "&priority=5"],
    ] as const)
      expect((await post(id, more)).status).to.equal(202);
    expect((await post("over")).status).to.equal(429);
    expect((await post("high")).status).to.equal(202); // the same job again, not one more
    now = 3000;
    slow.release();
    await ask(service, "GET", "/jobs/low?wait=30000");
    expect(order).to.deep.equal(["first done", "high done", "late expired", "soon done", "plain done", "low done"]);
    await service.stop();
  });

  it("[attack 126] neither logs nor disk nor answers hold a witness that was not asked to be kept", async () => {
    const lines: string[] = [];
    const place = folder();
    const secret = 0x1234_5678_9abc_def0_1122_3344_5566_7788n;
    const service = await start({ folder: place, log: (event) => lines.push(JSON.stringify(event)) });
    const client = new ServiceEngine({ url: service.url, token: TOKEN });
    await client.prove(zkey, wtns(chain(secret).assignment));
    await service.stop();
    const needle = Buffer.from(wtns(chain(secret).assignment)).subarray(-32 * 6, -32 * 5);
    const scan = (path: string): void => {
      for (const entry of readdirSync(path, { withFileTypes: true })) {
        const at = join(path, entry.name);
        if (entry.isDirectory()) scan(at);
        else expect(readFileSync(at).includes(needle), at).to.equal(false);
      }
    };
    scan(place);
    expect(lines.join("\n")).not.to.contain(secret.toString());
  });

  for (const durable of [false, true]) {
    it(`[attack 112] SIGKILL in the middle of a proof loses no job (${durable ? "witness kept on disk" : "sent again by its client"})`, async () => {
      const place = folder();
      const socket = join(place, "prover.sock");
      const up = (delay: number): Promise<ChildProcess> =>
        new Promise((done, failed) => {
          const child = spawn(
            process.execPath,
            [join(import.meta.dirname, "service.child.ts"), place, socket, `${delay}`],
            {
              stdio: ["ignore", "pipe", "inherit"],
            },
          );
          children.push(child);
          child.stdout!.setEncoding("utf8").on("data", (text: string) => text.includes("up") && done(child));
          child.once("error", failed);
        });
      const first = await up(60_000);
      const proving = new Promise<void>((done) =>
        first.stdout!.on("data", (text: string) => text.includes("proving") && done()),
      );
      const client = new ServiceEngine({ url: `unix:${socket}`, token: TOKEN, durable });
      const answers = Promise.all(
        [3n, 4n, 5n].map((x) =>
          client.prove(zkey, wtns(chain(x).assignment)).then(({ publicInputs }) => publicInputs[0]),
        ),
      );
      await proving;
      const kept = readdirSync(join(place, "witnesses"));
      if (!durable) expect(kept).to.deep.equal([]);
      else for (const name of kept) expect(statSync(join(place, "witnesses", name)).mode & 0o077).to.equal(0);
      first.kill("SIGKILL");
      await new Promise((done) => first.once("exit", done));
      const second = await up(0);
      expect(await answers).to.deep.equal([3n ** 64n, 4n ** 64n, 5n ** 64n]);
      expect(readdirSync(join(place, "witnesses"))).to.deep.equal([]);
      second.kill("SIGKILL");
    });
  }

  it("refuses a weak token and a state folder in use", async () => {
    const refused = async (options: Partial<ServiceOptions>, code: string): Promise<void> => {
      const error = await start(options).then(
        () => undefined,
        (caught: unknown) => caught,
      );
      expect((error as MedNexusError).code).to.equal(code);
    };
    await refused({ token: "short" }, "WEAK_TOKEN");
    const place = folder();
    const service = await start({ folder: place });
    await refused({ folder: place }, "STATE_IN_USE");
    await service.stop();
  });
});

const modulus = async (): Promise<bigint> => (await import("../field/prime.ts")).FR.modulus;
