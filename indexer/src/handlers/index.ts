import { type Context, ponder } from "ponder:registry";
import { ruledEvents } from "../../history/index.ts";
import { store } from "../lib/store.ts";

interface LogEvent {
  readonly args: Readonly<Record<string, unknown>>;
  readonly block: { readonly number: bigint; readonly timestamp: bigint };
  readonly log: { readonly logIndex: number };
}

// Decoding only: one handler for each event that has rules.
for (const [contract, { name }] of ruledEvents()) {
  ponder.on(`${contract}:${name}` as never, async ({ event, context }: { event: LogEvent; context: Context }) => {
    await store(context.db, {
      contract,
      event: name,
      args: event.args,
      blockNumber: event.block.number,
      timestamp: event.block.timestamp,
      logIndex: event.log.logIndex,
    });
  });
}
