// `/` goes to the search; Ctrl-K opens a list of pages and tools to jump to.

const dialog = () => document.querySelector("dialog.palette");

function typing(target) {
  return target.closest("input, textarea, select, [contenteditable]");
}

class Palette {
  #dialog; #input; #list; #said; #items = []; #at = 0; #asked = 0;

  constructor(element) {
    this.#dialog = element;
    this.#input = element.querySelector("input");
    this.#list = element.querySelector("ul");
    this.#said = element.querySelector("p");
    this.#input.addEventListener("input", () => this.#ask());
    this.#input.addEventListener("keydown", (event) => this.#key(event));
    this.#list.addEventListener("click", (event) => {
      const row = event.target.closest("li");
      if (row) location.assign(row.dataset.href);
    });
    element.addEventListener("click", (event) => event.target === element && element.close());
  }

  open() {
    if (this.#dialog.open) return this.#dialog.close();
    this.#input.value = "";
    this.#dialog.showModal();
    return this.#ask();
  }

  async #ask() {
    const asked = ++this.#asked;
    const sought = this.#input.value.trim();
    const answer = await fetch(this.#dialog.dataset.source + "?q=" + encodeURIComponent(sought)).catch(() => null);
    if (asked !== this.#asked) return;
    this.#items = answer?.ok ? (await answer.json()).items : [];
    this.#at = 0;
    this.#draw();
    this.#said.textContent = this.#items.length ? "" : answer?.ok ? `Nothing here is called “${sought}”.` : "The list did not come. Type again to ask again.";
  }

  #draw() {
    this.#list.replaceChildren(
      ...this.#items.map((item, i) => {
        const row = document.createElement("li");
        row.role = "option";
        row.id = "jump-" + i;
        row.dataset.href = item.href;
        row.ariaSelected = String(i === this.#at);
        const kind = document.createElement("span");
        kind.className = "quiet";
        kind.textContent = item.kind;
        row.append(item.name, kind);
        return row;
      }),
    );
    this.#list.hidden = this.#items.length === 0;
    this.#input.setAttribute("aria-expanded", String(!this.#list.hidden));
    this.#input.setAttribute("aria-activedescendant", this.#items.length ? "jump-" + this.#at : "");
    this.#list.children[this.#at]?.scrollIntoView({ block: "nearest" });
  }

  #key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && this.#items.length) {
      event.preventDefault();
      this.#at = (this.#at + step + this.#items.length) % this.#items.length;
      this.#draw();
    } else if (event.key === "Enter" && this.#items[this.#at]) {
      event.preventDefault();
      location.assign(this.#items[this.#at].href);
    }
  }
}

/** The keys that work on every page. */
export function listenForKeys() {
  const palette = dialog() && new Palette(dialog());
  addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k" && palette) {
      event.preventDefault();
      palette.open();
    } else if (event.key === "/" && !event.ctrlKey && !event.metaKey && !typing(event.target)) {
      const search = document.querySelector(".find input");
      if (search) { event.preventDefault(); search.select(); }
    }
  });
}
