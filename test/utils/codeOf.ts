const text = (error: unknown): string => (error as { code?: string }).code ?? String(error);

/** The stable code of what `run` rejects with or throws; its text if it carries none, undefined if it succeeds. */
export const codeOf = (run: Promise<unknown> | (() => unknown)): Promise<string | undefined> =>
  (typeof run === "function" ? Promise.resolve().then(run) : run).then(() => undefined, text);

/** The same for a call that is no promise, at once. */
export function codeThrown(call: () => unknown): string | undefined {
  try {
    call();
  } catch (error) {
    return text(error);
  }
  return undefined;
}
