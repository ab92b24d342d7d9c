import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { client, graphql } from "ponder";
import { db } from "ponder:api";
import schema from "ponder:schema";
import { schemaPage } from "../../host/schema-page.ts";

const app = new Hono();

app.get("/", (c) => c.html(schemaPage()));

// A query is bounded before it runs: bytes, tokens, depth, aliases; Ponder itself caps each list at 1,000 rows.
// The depth is what the standard introspection query of a GraphQL client needs.
const tooLarge = { errors: [{ message: "the query is over 32 KiB" }] };
app.use("/graphql", bodyLimit({ maxSize: 32_768, onError: (c) => c.json(tooLarge, 413) }));
app.use(
  "/graphql",
  graphql({ db, schema }, { maxOperationDepth: 14, maxOperationTokens: 1_000, maxOperationAliases: 10 }),
);

// SQL over HTTP only on Postgres: on PGlite a reader can see an empty temporary table during a large flush.
if (process.env["DATABASE_URL"] !== undefined) app.use("/sql/*", client({ db, schema }));

export default app;
