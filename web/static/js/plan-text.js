// The text of a plan with numbered lines; the faulty one is selected. And a look that is under way is followed.

const AGAIN = 400;

function number(box) {
  const text = box.querySelector("textarea");
  const gutter = box.querySelector("[data-gutter]");
  const write = () => {
    const lines = text.value.split("\n").length;
    gutter.textContent = Array.from({ length: lines }, (_, n) => n + 1).join("\n");
  };
  text.addEventListener("input", write);
  text.addEventListener("scroll", () => (gutter.scrollTop = text.scrollTop));
  write();
  const faulty = Number(box.dataset.line || 0);
  if (!faulty) return;
  const lines = text.value.split("\n");
  const start = lines.slice(0, faulty - 1).reduce((sum, line) => sum + line.length + 1, 0);
  text.focus();
  text.setSelectionRange(start, start + (lines[faulty - 1] || "").length);
}

function parsed(text) {
  return new DOMParser().parseFromString(text, "text/html");
}

async function follow(next) {
  const answer = await fetch(next, { headers: { "X-Fragment": "1" } }).catch(() => null);
  const looked = answer?.ok && parsed(await answer.text()).querySelector("#look");
  if (!looked || looked.dataset.next) {
    if (looked) document.querySelector("#look").replaceWith(looked);
    setTimeout(() => follow(next), AGAIN);
    return;
  }
  const whole = await fetch(location.href).catch(() => null);
  const rail = whole?.ok && parsed(await whole.text()).querySelector(".rail");
  if (rail) document.querySelector(".rail").replaceWith(rail); // the text may have been edited meanwhile
}

/** Bring the plan page to life, if this is one. */
export function listenToPlan() {
  const box = document.querySelector(".numbered");
  if (!box) return;
  number(box);
  const next = document.querySelector("#look")?.dataset.next;
  if (next) follow(next);
}
