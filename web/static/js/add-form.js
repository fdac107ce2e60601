// The add form fills itself: a pasted link is looked at, what is found is offered, what was typed stays.

const PAUSE = 600;
const AGAIN = 400;

/** Whether the text may be the address of a repository: anything else is not asked for yet. */
function looksLikeLink(text) {
  return /^(https?:\/\/|ssh:\/\/|git@|[\w-]+(\.[\w-]+)+[/:]).*\w[/:][\w.~-]+/.test(text.trim());
}

function changed(field) {
  if (field instanceof HTMLSelectElement) return !field.options[field.selectedIndex]?.defaultSelected && field.value !== "";
  return field.value !== field.defaultValue;
}

class AddForm {
  #form; #timer = 0; #asked = 0; #last = "";

  constructor(form) {
    this.#form = form;
    form.elements.link.addEventListener("input", () => this.#soon(PAUSE));
    form.addEventListener("change", (event) => {
      if (["ref", "folder", "runtime"].includes(event.target.name)) this.#soon(0);
    });
    form.addEventListener("click", (event) => this.#open(event));
    document.addEventListener("click", (event) => {
      if (event.target.closest('[data-into="#link"]')) this.#soon(0); // an example was taken
    });
    if (form.querySelector("#look")?.dataset.next) this.#again(++this.#asked);
    else if (form.querySelector("#look [data-hint]") && !form.elements.link.ariaInvalid) this.#soon(0);
  }

  #soon(pause) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), pause);
  }

  async #look() {
    const fields = this.#form.elements;
    const body = new URLSearchParams();
    for (const name of ["link", "ref", "folder", "runtime"]) body.set(name, fields[name].value.trim());
    if (!looksLikeLink(body.get("link")) || body.toString() === this.#last) return;
    this.#last = body.toString();
    body.set("csrf_token", fields.csrf_token.value);
    const asked = ++this.#asked;
    await this.#show(asked, this.#form.dataset.add, { method: "POST", body });
  }

  #again(asked) {
    const next = this.#form.querySelector("#look").dataset.next;
    if (next) setTimeout(() => this.#show(asked, next), AGAIN);
  }

  /** Put the server's own fragments in place; an answer that came too late is dropped. */
  async #show(asked, url, options = {}) {
    const headers = { "X-Fragment": "1" };
    const answer = await fetch(url, { ...options, headers }).catch(() => null);
    if (asked !== this.#asked) return;
    if (!answer?.ok) {
      this.#form.querySelector("#look").textContent = "Nobody could look at it just now. It can be built all the same.";
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (asked !== this.#asked) return;
    this.#form.querySelector("#look").replaceWith(page.querySelector("#look"));
    const options_ = page.querySelector("#options");
    if (options_) this.#replace(options_);
    this.#again(asked);
  }

  #replace(fresh) {
    const old = this.#form.querySelector("#options");
    const focused = old.contains(document.activeElement) ? document.activeElement.name : "";
    for (const field of old.querySelectorAll("[name]")) {
      const twin = fresh.querySelector(`[name="${field.name}"]`) ?? fresh.querySelector(`[name="other_${field.name}"]`);
      if (!twin || (!changed(field) && field.name !== focused)) continue;
      const known = !(twin instanceof HTMLSelectElement) || [...twin.options].some((one) => one.value === field.value);
      const place = known ? twin : fresh.querySelector(`[name="other_${field.name}"]`);
      if (place) place.value = field.value;
    }
    const open = [...old.querySelectorAll("details")].map((one) => one.open);
    fresh.querySelectorAll("details").forEach((one, n) => (one.open ||= open[n]));
    old.replaceWith(fresh);
    if (focused) fresh.querySelector(`[name="${focused}"]`)?.focus();
  }

  /** A part of the plan leads to the field that changes it. */
  #open(event) {
    const part = event.target.closest("[data-edit]");
    if (!part) return;
    event.preventDefault();
    this.#form.querySelector("[data-more]").open = true;
    this.#form.elements[part.dataset.edit]?.focus();
  }
}

/** Bring the add form of this page to life, if it has one. */
export function listenToAddForm() {
  const form = document.querySelector("form[data-add]");
  if (form) new AddForm(form);
}
