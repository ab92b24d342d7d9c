import { loadKeys, published } from "@mednexus/circuits";
import { type Command, choiceOption } from "../arguments.ts";
import { EXIT } from "../exit.ts";

export const keysBuild: Command = {
  summary: "make and cache the INSECURE development proving keys of a size ahead of the first round",
  options: { size: { type: "string", value: "N", help: "128, 1024 or 4096", default: "128" } },
  async run(values) {
    const size = Number(choiceOption("size", String(values["size"] ?? "128"), ["128", "1024", "4096"]));
    // size 1: the circuits without vectors
    for (const { circuit, n } of published.filter(({ n }) => n === size || n === 1)) {
      const keys = await loadKeys(circuit, n, { onProgress: (stage) => console.log(`${circuit}(${n}): ${stage}`) });
      console.log(`${circuit}(${n}): ${keys.constraints} constraints, key ${keys.keyHash}`);
    }
    return EXIT.ok;
  },
};
