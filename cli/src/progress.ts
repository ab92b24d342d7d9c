/** What takes long says how far it is. */

const FIRST_MS = 2_000;
const NEXT_MS = 1_000;

/** Reports on stderr from the second second on, once a second. `done` and `total` in bytes. */
export function byteProgress(what: string): (done: number, total: number) => void {
  const start = Date.now();
  let next = start + FIRST_MS;
  return (done, total) => {
    const now = Date.now();
    if (now < next) return;
    next = now + NEXT_MS;
    const rate = done / ((now - start) / 1000);
    const left = rate === 0 ? "" : `, ${Math.ceil((total - done) / rate)} s left`;
    const percent = total === 0 ? 100 : Math.floor((100 * done) / total);
    console.error(
      `${what}: ${percent} % of ${Math.ceil(total / 2 ** 20)} MiB, ${Math.round(rate / 2 ** 20)} MiB/s${left}`,
    );
  };
}
