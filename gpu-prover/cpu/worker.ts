/** One thread of a pool: it has a hold on each memory that it was told of, and performs tasks there. */
import { parentPort, workerData } from "node:worker_threads";
import { collect } from "./collect.ts";
import { type Lane, Space } from "./space.ts";
import { type Domain, perform, type Task } from "./tasks.ts";

export type Message =
  | {
      readonly kind: "attach";
      readonly id: number;
      readonly memory: WebAssembly.Memory;
      readonly lane: Lane;
      readonly domain: Domain | undefined;
    }
  | { readonly kind: "detach"; readonly id: number }
  | { readonly kind: "task"; readonly id: number; readonly task: Task };

/** The end of a task: undefined, or what went wrong. */
export type Reply = string | undefined;

const { module } = workerData as { module: WebAssembly.Module };
const held = new Map<number, { space: Space; domain: Domain | undefined }>();
const port = parentPort!;

port.on("message", (message: Message) => {
  if (message.kind === "attach") {
    const { id, memory, lane, domain } = message;
    held.set(id, { space: new Space(module, memory, lane), domain });
  } else if (message.kind === "detach") {
    held.delete(message.id);
    collect();
  } else port.postMessage(answer(message.id, message.task));
});

function answer(id: number, task: Task): Reply {
  try {
    const { space, domain } = held.get(id)!;
    perform(space, domain, task);
    return undefined;
  } catch (error) {
    return String(error);
  }
}
