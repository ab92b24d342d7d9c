import { expect } from "chai";
import { MedNexusError } from "@mednexus/sdk";
import { explain } from "./log.ts";

describe("[attack 126] what of an error is written down", () => {
  it("no message of a foreign error: it may quote a record or a secret", () => {
    const secret = 0.123456789;
    let thrown: unknown;
    try {
      BigInt(secret);
    } catch (error) {
      thrown = error;
    }
    expect(String(thrown)).to.include(String(secret));
    const said = explain(thrown);
    expect(said.code).to.equal("UNEXPECTED");
    expect(JSON.stringify(said)).to.not.include(String(secret));
    expect(said.message).to.match(/^RangeError in .*\(log\.test\.ts:\d+\)$/);
    expect(explain("a thrown string with 12345").message).to.equal("string");
  });

  it("no endpoint, which may hold an access key, and no long data", () => {
    const error = new MedNexusError(
      "RPC_FAILED",
      `server response 401 (requestUrl="https://rpc.example/v2/SECRETKEY", payload=0x${"ab".repeat(500)})`,
      { retryable: true },
    );
    const said = explain(error);
    expect(said.message).to.equal('server response 401 (requestUrl="<url>", payload=<500 bytes>)');
    expect(said.retryable).to.equal(true);
  });
});
