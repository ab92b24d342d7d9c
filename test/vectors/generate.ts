/** Writes encoding.json; run with `npx node test/vectors/generate.ts`. Deterministic: a second run leaves no difference. */
import { writeFileSync } from "node:fs";
import { buildVectors } from "./build.ts";

writeFileSync(new URL("./encoding.json", import.meta.url), `${JSON.stringify(await buildVectors(), null, 1)}\n`);
