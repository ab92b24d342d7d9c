import { join } from "node:path";
import { expect } from "chai";
import { Refusals } from "../../../test/fixtures/refusals.ts";
import { compose } from "./compose.ts";
import { readConfig } from "./config.ts";
import { generateKeys, writeKeys } from "./keys.ts";

describe("A node that cannot start", () => {
  const refusals = new Refusals();
  before(async () => {
    await refusals.start();
    refusals.write("schema.json", { features: [{ name: "a", min: 0, max: 1 }], classes: ["no", "yes"] });
    writeKeys(join(refusals.folder, "keys.json"), generateKeys());
  });
  after(() => refusals.stop());

  const node = (change: object) => {
    const { rpcUrl } = refusals;
    const files = { deployment: "deployment.json", dataDir: "state", keyFile: "keys.json" };
    const settings = { rpcUrl, relayUrl: rpcUrl, ...files, campaigns: [1], proofs: "cpu", ...change };
    return () => compose(readConfig(refusals.write("node.json", settings)), () => {});
  };

  it("leaves nothing open when one of its endpoints serves another chain, or is silent", async () => {
    refusals.chainId = 1;
    expect((await refusals.of(node({}))).code).to.equal("WRONG_CHAIN");
    refusals.chainId = 31337;
    const witnessRpcUrls = ["http://127.0.0.1:1", refusals.rpcUrl];
    expect((await refusals.of(node({ witnessRpcUrls }), { endpoints: 3 })).code).to.equal("RPC_FAILED");
  });

  it("leaves nothing open for want of its table, its proving backend included", async () => {
    const kinds = { standardization: { kind: "ranges" }, trainer: { kind: "logistic" } };
    const data = { csv: "absent.csv", label: "y", dataset: 1, schema: "schema.json", ...kinds };
    expect((await refusals.of(node({ data }), { backends: 1 })).code).to.equal("BAD_INPUT");
  });
});
