import { createServer, request, type Server } from "node:http";
import { connect as connectTcp, type AddressInfo } from "node:net";
import { expect } from "chai";
import { keccak256, Wallet } from "ethers";
import { HttpTransport, MAX_MESSAGE_BYTES, messageDigest } from "@mednexus/sdk";
import { type Relay, type RelayOptions, startRelay } from "./relay.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const alice = new Wallet(`0x${"01".repeat(32)}`);
const bob = new Wallet(`0x${"02".repeat(32)}`);

describe("relay", () => {
  let relay: Relay;
  const begin = async (options: RelayOptions = {}): Promise<HttpTransport> => {
    relay = await startRelay(options);
    return new HttpTransport(relay.url, alice);
  };
  afterEach(() => relay.close());

  const put = (path: string, body: Uint8Array, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(relay.url + path, { method: "PUT", body: Uint8Array.from(body), headers });
  const mailPath = (from: string, topic: string): string =>
    `/v1/mail/${from.toLowerCase()}/${encodeURIComponent(topic)}`;

  it("keeps a message under its topic and sender; the same bytes again are fine, others are refused", async () => {
    const transport = await begin();
    await transport.send("topic/1", bytes("share"));
    await transport.send("topic/1", bytes("share"));
    expect(await new HttpTransport(relay.url, bob).receive("topic/1", alice.address)).to.deep.equal(bytes("share"));
    expect(await transport.receive("topic/2", alice.address)).to.equal(undefined);
    expect(await transport.receive("topic/1", bob.address)).to.equal(undefined);
    await expectCode(transport.send("topic/1", bytes("other")), "RELAY_REFUSED");
  });

  it("refuses a message that its named sender did not sign, for this topic and these bytes", async () => {
    await begin();
    const signature = await bob.signMessage(messageDigest("t", bytes("x")));
    expect((await put(mailPath(alice.address, "t"), bytes("x"), { "x-signature": signature })).status).to.equal(401);
    expect((await put(mailPath(bob.address, "u"), bytes("x"), { "x-signature": signature })).status).to.equal(401);
    expect((await put(mailPath(bob.address, "t"), bytes("y"), { "x-signature": signature })).status).to.equal(401);
    expect((await put(mailPath(bob.address, "t"), bytes("x"))).status).to.equal(401);
    expect((await put(mailPath(bob.address, "t"), bytes("x"), { "x-signature": signature })).status).to.equal(204);
  });

  it("takes messages only from senders it is told to allow", async () => {
    const transport = await begin({ allows: async (sender) => sender === bob.address.toLowerCase() });
    await expectCode(transport.send("t", bytes("x")), "RELAY_REFUSED");
    await new HttpTransport(relay.url, bob).send("t", bytes("x"));
  });

  it("one sender cannot push others out: beyond its share of the memory its own oldest is forgotten", async () => {
    const transport = await begin({ capacityBytes: 10_000, senderBytes: 2_000 });
    const other = new HttpTransport(relay.url, bob);
    await other.send("b", new Uint8Array(900));
    for (let i = 0; i < 20; i++) await transport.send(`a${i}`, new Uint8Array(900));
    expect((await other.receive("b", bob.address))?.length).to.equal(900);
    expect(await transport.receive("a17", alice.address)).to.equal(undefined);
    expect((await transport.receive("a18", alice.address))?.length).to.equal(900);
    await expectCode(transport.send("large", new Uint8Array(2_001)), "RELAY_REFUSED");
  });

  it("when full the oldest is forgotten, for senders repeat what matters; blobs, which anybody may store, push no message out", async () => {
    const transport = await begin({ capacityBytes: 3_000, senderBytes: 2_000 });
    const other = new HttpTransport(relay.url, bob);
    await transport.send("a", new Uint8Array(900));
    for (let i = 0; i < 10; i++) await transport.putBlob(new Uint8Array(900).fill(i));
    expect((await transport.receive("a", alice.address))?.length).to.equal(900);
    await transport.send("b", new Uint8Array(900));
    await other.send("c", new Uint8Array(900));
    await other.send("d", new Uint8Array(900));
    expect(await transport.receive("a", alice.address)).to.equal(undefined);
    expect((await transport.receive("d", bob.address))?.length).to.equal(900);
  });

  it("blobs are named by their content", async () => {
    const transport = await begin();
    const hash = await transport.putBlob(bytes("model"));
    expect(hash).to.equal(keccak256(bytes("model")));
    expect(await transport.getBlob(hash)).to.deep.equal(bytes("model"));
    expect(await transport.getBlob(`0x${"00".repeat(32)}`)).to.equal(undefined);
    expect((await put(`/v1/blobs/0x${"00".repeat(32)}`, bytes("model"))).status).to.equal(400);
  });

  it("[attack 121] oversized bodies, long topics, bad escapes and wrong methods get an answer, and the relay lives", async () => {
    const transport = await begin();
    const large = new Uint8Array(MAX_MESSAGE_BYTES + 1);
    const status = await put(`/v1/blobs/${keccak256(large)}`, large).then(
      (response) => response.status,
      () => 413, // it may hang up before it has read everything
    );
    expect(status).to.equal(413);
    expect((await put(`/v1/mail/${alice.address.toLowerCase()}/${"t".repeat(600)}`, bytes("x"))).status).to.equal(404);
    expect((await put(`/v1/mail/${alice.address.toLowerCase()}/%E0%A4%A`, bytes("x"))).status).to.equal(400);
    expect((await fetch(`${relay.url}/v1/blobs/${keccak256(large)}`, { method: "DELETE" })).status).to.equal(405);
    expect((await fetch(`${relay.url}/v1/../../etc/passwd`)).status).to.equal(404);
    await transport.send("t", bytes("x"));
  });

  it("a body that announces more than it may is refused before it is read", async () => {
    await begin();
    const { port } = new URL(relay.url);
    const status = await new Promise<number | undefined>((done, fail) => {
      const sent = request(
        {
          port,
          method: "PUT",
          path: `/v1/blobs/0x${"00".repeat(32)}`,
          headers: { "content-length": MAX_MESSAGE_BYTES + 1 },
        },
        (response) => {
          done(response.statusCode);
          sent.destroy();
        },
      );
      sent.on("error", fail).flushHeaders();
    });
    expect(status).to.equal(413);
  });

  it("a hundred connections that never finish a request do not keep others out", async () => {
    const transport = await begin();
    const { port, hostname } = new URL(relay.url);
    const sockets = Array.from({ length: 100 }, () => connectTcp(Number(port), hostname).on("error", () => {}));
    try {
      for (const socket of sockets) socket.write("PUT /v1/blobs/0x00 HTTP/1.1\r\ncontent-le");
      await transport.send("t", bytes("x"));
      expect(await transport.receive("t", alice.address)).to.deep.equal(bytes("x"));
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  });
});

describe("a relay that is hostile", () => {
  let server: Server;
  const hostile = async (
    handle: (path: string) => { status?: number; body?: Uint8Array; signature?: string } | undefined,
  ): Promise<HttpTransport> => {
    server = createServer((incoming, response) => {
      const answer = handle(incoming.url ?? "");
      if (answer === undefined) return; // silence
      response.writeHead(
        answer.status ?? 200,
        answer.signature === undefined ? {} : { "x-signature": answer.signature },
      );
      response.end(answer.body);
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    return new HttpTransport(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, alice, 500);
  };
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  it("altered, swapped and re-attributed messages are refused by their reader", async () => {
    const signature = await bob.signMessage(messageDigest("t", bytes("share")));
    await expectCode(
      (await hostile(() => ({ body: bytes("shame"), signature }))).receive("t", bob.address),
      "BAD_SIGNATURE",
    );
    server.close();
    const honest = await hostile(() => ({ body: bytes("share"), signature }));
    await expectCode(honest.receive("other topic", bob.address), "BAD_SIGNATURE");
    await expectCode(honest.receive("t", alice.address), "BAD_SIGNATURE");
    expect(await honest.receive("t", bob.address)).to.deep.equal(bytes("share"));
  });

  it("another blob than the one asked for is refused", async () => {
    const transport = await hostile(() => ({ body: bytes("other") }));
    await expectCode(transport.getBlob(keccak256(bytes("model"))), "BAD_BLOB");
  });

  it("an endless answer is cut off, a silent one is given up", async () => {
    const endless = await hostile(() => ({ body: new Uint8Array(MAX_MESSAGE_BYTES + 1) }));
    await expectCode(endless.receive("t", bob.address), "TOO_LARGE");
    server.closeAllConnections();
    server.close();
    const silent = await hostile(() => undefined);
    await expectCode(silent.receive("t", bob.address), "RELAY_UNREACHABLE");
  });

  it("a redirect is not followed: it could lead into the hospital's own network", async () => {
    const transport = await hostile((path) => (path === "/secret" ? { body: bytes("secret") } : { status: 302 }));
    await expectCode(transport.receive("t", bob.address), "RELAY_FAILED", "RELAY_UNREACHABLE");
  });
});

async function expectCode(run: Promise<unknown>, ...codes: string[]): Promise<void> {
  const error = await run.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(codes).to.include((error as { code?: string } | undefined)?.code);
}
