// Times as people say them; the exact one stays in `datetime` and the title.

const UNITS = [
  [60, "s", 1],
  [3600, "min", 60],
  [86_400, "h", 3600],
  [30 * 86_400, "day", 86_400],
];

/** `just now`, `12 min ago`, `in 3 days`; after a month the date. */
export function relative(at, now) {
  const seconds = Math.round((now - at) / 1000);
  const size = Math.abs(seconds);
  if (size < 10) return seconds < 0 ? "in a moment" : "just now";
  for (const [below, unit, per] of UNITS)
    if (size < below) {
      const n = seconds < 0 ? Math.round(size / per) : Math.floor(size / per);
      const words = unit === "day" ? `${n} day${n === 1 ? "" : "s"}` : `${n} ${unit}`;
      return seconds < 0 ? `in ${words}` : `${words} ago`;
    }
  return new Date(at).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
}

/** `0.4 s`, `42 s`, `3:07`, `1:02:03`. */
export function duration(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.floor(seconds);
  const two = (n) => String(n).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}:${two(whole % 60)}`;
  return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}

/** A clock that runs, in whole seconds. */
export function running(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return whole < 60 ? `${whole} s` : duration(whole);
}

// The server's clock counts: the page says when it was drawn, a wrong clock here changes nothing.
let skew = 0;

function tick() {
  const now = Date.now() + skew;
  for (const node of document.querySelectorAll("time[data-ago]")) {
    const text = relative(Date.parse(node.dateTime), now);
    if (node.textContent !== text) node.textContent = text;
  }
  for (const node of document.querySelectorAll("[data-since]")) {
    const text = running((now - Number(node.dataset.since)) / 1000);
    if (node.textContent !== text) node.textContent = text;
  }
}

/** Keep every relative time and every running clock on the page right. */
export function keepTime() {
  const [answer] = performance.getEntriesByType("navigation");
  const drawn = performance.timeOrigin + (answer?.responseStart ?? 0);
  skew = Number(document.body.dataset.now || drawn) - drawn;
  tick();
  setInterval(tick, 1000);
  document.body.addEventListener("htmx:after:swap", tick);
}
