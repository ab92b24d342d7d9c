import type { Context } from "ponder:registry";
import * as tables from "ponder:schema";
import { type DecodedLog, changed, created, patchesOf } from "../../history/index.ts";

type Table = Parameters<Context["db"]["insert"]>[0];

/** The only place that writes: applies a log's patches, in order, each as one upsert. */
export async function store(db: Context["db"], log: DecodedLog): Promise<void> {
  for (const patch of patchesOf(log)) {
    const table = (tables as unknown as Record<string, Table>)[patch.entity];
    if (table === undefined) throw new Error(`no table for ${patch.entity}`);
    await db
      .insert(table)
      .values({ id: patch.id, ...created(patch, log) } as never)
      .onConflictDoUpdate((row: Record<string, unknown>) => changed(patch, row) as never);
  }
}
