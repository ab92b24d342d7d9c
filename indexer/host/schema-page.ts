import { COMMON_FIELDS, type Entity, entities, entityNames } from "../history/index.ts";

const escape = (s: string): string => s.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** Every entity and field as one plain HTML page. */
export function schemaPage(): string {
  const section = (name: (typeof entityNames)[number]): string => {
    const entity: Entity = entities[name];
    const rows = Object.entries(entity.fields).map(([f, kind]) => `<tr><td>${f}<td>${kind}`);
    return `<h2 id="${name}">${name}</h2><p>${escape(entity.about)}<table>${rows.join("")}</table>`;
  };
  const links = entityNames.map((n) => `<a href="#${n}">${n}</a>`).join(" · ");
  const common = Object.keys(COMMON_FIELDS).join(", ");
  return `<!doctype html><meta charset="utf-8"><title>MedNexus history</title>
<h1>MedNexus history</h1>
<p>GraphQL at <a href="/graphql">/graphql</a>; every entity is there as <code>name(id)</code> and <code>names(where, limit, after)</code>.
Each row also has id, ${common}. Amounts are in the token's smallest unit, times in unix seconds.
<p>${links}
${entityNames.map(section).join("\n")}
`;
}
