import { MedNexusError } from "@mednexus/sdk";
import { type Cell, type EntityName, type Row, fieldsOf } from "../history/index.ts";

/** Sends one GraphQL query; resolves with the response body. */
export type Ask = (query: string) => Promise<{ data?: Record<string, unknown>; errors?: unknown }>;

interface Page {
  readonly items: readonly Record<string, unknown>[];
  /** Cursor of the next page; undefined: this was the last. */
  readonly next: string | undefined;
}

/** How a server pages a list, 1,000 rows at a time. */
export interface Dialect {
  query(list: string, fields: string, cursor: string | undefined): string;
  page(list: unknown): Page;
}

const PAGE = 1_000;

export const ponderDialect: Dialect = {
  query: (list, fields, cursor) =>
    `{ ${list}(limit: ${PAGE}, orderBy: "id"${cursor === undefined ? "" : `, after: "${cursor}"`}) { items { ${fields} } pageInfo { hasNextPage endCursor } } }`,
  page: (list) => {
    const { items, pageInfo } = list as { items: Page["items"]; pageInfo: { hasNextPage: boolean; endCursor: string } };
    return { items, next: pageInfo.hasNextPage ? pageInfo.endCursor : undefined };
  },
};

export const subgraphDialect: Dialect = {
  query: (list, fields, cursor) =>
    `{ ${list}(first: ${PAGE}, orderBy: id, where: { id_gt: "${cursor ?? ""}" }) { ${fields} } }`,
  page: (list) => {
    const items = list as Page["items"];
    return { items, next: items.length === PAGE ? String(items.at(-1)?.["id"]) : undefined };
  },
};

export const post =
  (url: string): Ask =>
  async (query) => {
    const body = JSON.stringify({ query });
    const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
    return (await response.json()) as Awaited<ReturnType<Ask>>;
  };

/** All rows of one entity, by id. Integers become bigint. Throws INDEXER_REFUSED when the server answers with errors. */
export async function readRows(entity: EntityName, dialect: Dialect, ask: Ask): Promise<Map<string, Row>> {
  const kinds = fieldsOf(entity);
  const list = `${entity}s`;
  const rows = new Map<string, Row>();
  let cursor: string | undefined;
  do {
    const answer = await ask(dialect.query(list, ["id", ...Object.keys(kinds)].join(" "), cursor));
    if (answer.data?.[list] === undefined) {
      throw new MedNexusError("INDEXER_REFUSED", `${list}: ${JSON.stringify(answer.errors ?? answer)}`);
    }
    const page: Page = dialect.page(answer.data[list]);
    for (const item of page.items) {
      const cells = Object.entries(kinds).map(([field, kind]): [string, Cell] => {
        const value = item[field] as string | boolean;
        return [field, kind === "uint" ? BigInt(value) : value];
      });
      rows.set(String(item["id"]), Object.fromEntries(cells));
    }
    cursor = page.next;
  } while (cursor !== undefined);
  return rows;
}
