// The entry of every page; each part looks for what it serves and does nothing where that is missing.

import { listenToAddForm } from "./add-form.js";
import { keepLists } from "./lists.js";
import { followLog } from "./live-log.js";
import { listenForKeys } from "./palette.js";
import { listenToPlan } from "./plan-text.js";
import { keepTime } from "./times.js";

/** `data-fill` links put their text into the field they name instead of loading a page. */
function listenToFills() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-fill]");
    const field = link && document.querySelector(link.dataset.into);
    if (!field) return;
    event.preventDefault();
    field.value = link.dataset.fill;
    field.focus();
  });
}

function listenToCopies() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(document.querySelector(button.dataset.copy).textContent);
    const label = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = label), 1500);
  });
}

/** `data-confirm` forms ask once more, in the browser's own words box. */
function listenToQuestions() {
  document.addEventListener("submit", (event) => {
    const question = event.target.dataset.confirm;
    if (question && !confirm(question)) event.preventDefault();
  });
}

/** A form that is on its way says so on its button, and is not sent twice. */
function listenToSends() {
  const release = () => {
    for (const button of document.querySelectorAll("[aria-busy]")) Object.assign(button, { disabled: false, ariaBusy: null });
  };
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented || event.target.method !== "post") return;
    setTimeout(() => {
      if (event.submitter) Object.assign(event.submitter, { disabled: true, ariaBusy: "true" });
    });
    setTimeout(release, 20_000); // somebody may have stopped it
  });
  addEventListener("pageshow", release);
}

function listenToUnfolds() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-unfold]");
    if (!button) return;
    document.querySelector(button.dataset.unfold).classList.remove("clip");
    button.remove();
  });
}

document.documentElement.classList.add("js");
keepTime();
keepLists();
listenForKeys();
listenToAddForm();
listenToPlan();
listenToFills();
listenToCopies();
listenToQuestions();
listenToSends();
listenToUnfolds();
followLog();
