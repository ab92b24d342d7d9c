/** A service of its own process for tests that kill it: `service.child.ts FOLDER SOCKET DELAY_MS`, proving by snarkjs after a pause. */
import { Curve } from "@mednexus/sdk";
import { snarkjsEngine } from "../engine.ts";
import { ProvingService } from "./server.ts";

const [folder, socket, delay] = process.argv.slice(2) as [string, string, string];
const engine = snarkjsEngine(await Curve.load());
const slow = {
  name: engine.name,
  close: () => engine.close(),
  prove: async (zkey: Uint8Array, wtns: Uint8Array) => {
    console.log("proving");
    await new Promise((done) => setTimeout(done, Number(delay)));
    return engine.prove(zkey, wtns);
  },
};
await ProvingService.start(slow, { folder, token: "a token for tests only", listen: socket });
console.log("up");
