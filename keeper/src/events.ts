/** One thing that happened, for logs and for whoever watches the process. */
export interface KeeperEvent {
  readonly event: string;
  readonly [field: string]: string | number | boolean | bigint | undefined;
}

export type Log = (event: KeeperEvent) => void;

/**
 * A log that no secret passes: every occurrence of one, with or without 0x, in any letter case, becomes "[redacted]".
 * Secrets shorter than 8 characters are ignored: redacting them would hide ordinary text and protect nothing.
 */
export function redacting(log: Log, secrets: readonly string[]): Log {
  const bare = secrets.map((secret) => secret.replace(/^0x/i, "")).filter((secret) => secret.length >= 8);
  if (bare.length === 0) return log;
  const escaped = bare.map((secret) => secret.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  const pattern = new RegExp(`(?:0x)?(?:${escaped.join("|")})`, "gi");
  return (event) =>
    log(
      Object.fromEntries(
        Object.entries(event).map(([name, value]) => [
          name,
          typeof value === "string" ? value.replaceAll(pattern, "[redacted]") : value,
        ]),
      ) as KeeperEvent,
    );
}

/** The parts of an RPC address that hold credentials: user, password, path and query (providers put API keys there). */
export function secretsOfUrl(url: string): string[] {
  const { username, password, pathname, search } = new URL(url);
  return [username, password, ...pathname.split("/"), search.slice(1)].map(decodeURIComponent);
}
