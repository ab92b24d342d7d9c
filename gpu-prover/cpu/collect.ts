import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Collects this thread's garbage now. A memory that threads share goes when the last of them has noticed that it holds it no more, and a thread that computes
 * in WebAssembly allocates so little that its collector may never run.
 */
export function collect(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}
