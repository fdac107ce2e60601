// Lists that change are asked for again: often while something in them is under way, and at once when
// somebody comes back to the page; a page that nobody sees asks for nothing.

const OFTEN = 2500;

function tell() {
  if (!document.hidden) document.body.dispatchEvent(new CustomEvent("list:stale"));
}

/** Tell the lists of this page (`list:stale`) when to look again. */
export function keepLists() {
  setInterval(() => document.querySelector("[data-moving]") && tell(), OFTEN);
  document.addEventListener("visibilitychange", tell);
  addEventListener("pageshow", (event) => event.persisted && tell());
}
