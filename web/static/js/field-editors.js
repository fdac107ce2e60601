// One field of a form as an element: it shows a value, and tells when a person changes it.

import { isMany, keyOf } from "./form-fields.js";

let made = 0;

/** An element with these properties and children. */
export function element(tag, properties = {}, ...children) {
  const { data, aria, ...plain } = properties;
  const one = Object.assign(document.createElement(tag), plain);
  for (const [name, value] of Object.entries(data ?? {})) one.dataset[name] = value;
  for (const [name, value] of Object.entries(aria ?? {})) one.setAttribute(`aria-${name}`, value);
  one.append(...children.filter((child) => child !== null && child !== ""));
  return one;
}

/** An editor of this field: `element`, `show(value)`, and `changed(value)` is called with what was entered. */
export function editorOf(field, files, changed) {
  if (field.kind === "flag") return field.off ? new OnOff(field, files, changed) : field.type === "count" ? new Count(field, files, changed) : new Flag(field, files, changed);
  const list = field.kind === "positional" ? isMany(field) : (field.repeatable && field.most === 1 && field.least === 1) || (isMany(field) && !field.repeatable);
  if (list) return new List(field, files, changed);
  if (isMany(field) || (field.repeatable && field.most === 1 && field.least === 0)) return new InTheLine(field, files, changed);
  return new Single(field, files, changed);
}

class Editor {
  constructor(field, files, changed) {
    this.field = field;
    this.files = files;
    this.changed = changed;
    this.id = `field-${(made += 1)}`;
    this.element = element("div", { className: "field", data: { key: keyOf(field) } });
    this.mark = element("em", { className: "needed", hidden: true, textContent: "needed" });
  }

  label(target = this.id) {
    const label = element("label", { htmlFor: target, title: this.field.names.join(", ") });
    label.append(element("span", { className: "names" }, shownName(this.field)), this.mark);
    return label;
  }

  help() {
    const text = this.field.help || "";
    const small = element("small", { id: `${this.id}-help` });
    const more = this.field.default !== null && this.field.default !== undefined && !/default/i.test(text) && this.field.kind !== "flag";
    small.append(text, more ? `${text ? " " : ""}Default: ${this.field.default}` : "");
    return small.textContent ? small : null;
  }

  need(missing) {
    this.mark.hidden = !missing;
  }

  // What is typed into is left alone: its own text is already right.
  put(input, text) {
    if (input !== document.activeElement && input.value !== text) input.value = text;
  }
}

function shownName(field) {
  return field.kind === "positional" ? field.names[0] : (field.names.find((name) => name.startsWith("--")) ?? field.names[0]);
}

class Flag extends Editor {
  constructor(...all) {
    super(...all);
    this.input = element("input", { type: "checkbox", id: this.id });
    this.input.addEventListener("change", () => this.changed(this.input.checked ? true : undefined));
    const label = this.label();
    label.className = "check";
    label.prepend(this.input);
    this.element.append(label, this.help() ?? "");
  }

  show(value) {
    this.input.checked = Boolean(value);
  }
}

class OnOff extends Editor {
  constructor(...all) {
    super(...all);
    const { field } = this;
    const usual = field.default === "true" ? "on" : "";
    this.input = element("select", { className: "input", id: this.id },
      element("option", { value: "", textContent: usual ? "as usual (on)" : "as usual" }),
      element("option", { value: "on", textContent: shownName(field) }), element("option", { value: "off", textContent: field.off }));  // prettier-ignore
    this.input.addEventListener("change", () => this.changed({ on: true, off: false }[this.input.value]));
    this.element.append(this.label(), this.input, this.help() ?? "");
  }

  show(value) {
    this.input.value = value === undefined ? "" : value ? "on" : "off";
  }
}

class Count extends Editor {
  constructor(...all) {
    super(...all);
    this.input = element("input", { type: "number", min: 0, max: 20, className: "input", id: this.id, placeholder: "0" });
    this.input.addEventListener("input", () => {
      const times = Math.min(20, Math.trunc(Number(this.input.value)));
      this.changed(times > 0 ? times : undefined);
    });
    this.element.append(this.label(), this.input, this.help() ?? "");
  }

  show(value) {
    this.put(this.input, value ? String(value) : "");
  }
}

// A text, number, choice or path; one that may stand without a value has a box for that.
class Single extends Editor {
  constructor(...all) {
    super(...all);
    const { field } = this;
    this.bare = field.least === 0 && field.kind === "option" ? element("input", { type: "checkbox", ariaLabel: `${shownName(field)} without a value` }) : null;
    this.input = inputOf(field, this.id, this.files);
    const told = () => this.changed(this.input.value !== "" ? this.input.value : this.bare?.checked ? true : undefined);
    this.input.addEventListener(this.input.tagName === "SELECT" ? "change" : "input", told);
    this.bare?.addEventListener("change", () => {
      if (!this.bare.checked) this.input.value = "";
      told();
    });
    const line = element("div", { className: "with-box" }, this.bare, this.input, this.files && isRead(field) ? this.files.button(this.input) : null);
    this.element.append(this.label(), line, this.help() ?? "");
  }

  show(value) {
    const text = Array.isArray(value) ? value.at(-1) : value;
    if (this.bare) this.bare.checked = value !== undefined;
    const shown = typeof text === "string" ? text : "";
    if (this.input.tagName === "SELECT" && ![...this.input.options].some((one) => one.value === shown)) this.input.append(element("option", { value: shown, textContent: shown }));
    this.put(this.input, shown);
  }
}

// Several values, one below the other; an empty one at the end takes the next.
class List extends Editor {
  constructor(...all) {
    super(...all);
    this.rows = element("div", { className: "values" });
    this.element.append(this.label(`${this.id}-0`), this.rows, this.help() ?? "");
    this.show(undefined);
  }

  #row(text) {
    const n = this.rows.children.length;
    const input = inputOf(this.field, `${this.id}-${n}`, this.files);
    input.ariaLabel = `${shownName(this.field)}, value ${n + 1}`;
    this.#offer(input, text);
    input.value = text;
    input.addEventListener(input.tagName === "SELECT" ? "change" : "input", () => this.#told());
    this.rows.append(element("div", { className: "with-box" }, input, this.files && isRead(this.field) ? this.files.button(input) : null));
  }

  #offer(input, text) {
    if (input.tagName === "SELECT" && ![...input.options].some((one) => one.value === text)) input.append(element("option", { value: text, textContent: text }));
  }

  #inputs() {
    return [...this.rows.children].map((row) => row.querySelector("select, input"));
  }

  #told() {
    const words = this.#inputs().map((input) => input.value).filter((word) => word !== "");
    this.#room(words.length);
    const { field } = this;
    const enough = words.length >= (field.kind === "positional" ? 1 : field.most === 1 ? 1 : field.least);
    this.changed(words.length === 0 ? undefined : enough ? words : undefined);
  }

  #room(count) {
    const most = this.field.most === 1 || this.field.most === null ? Infinity : this.field.most;
    if (this.rows.children.length < Math.min(count + 1, most)) this.#row("");
  }

  show(value) {
    const words = value === undefined ? [] : [value].flat(2).filter((word) => typeof word === "string");
    const inputs = this.#inputs();
    const own = inputs.map((input) => input.value).filter((word) => word !== "");
    if (inputs.includes(document.activeElement) && own.join("\0") === words.join("\0")) return;
    while (this.rows.children.length > Math.max(words.length, 1)) this.rows.lastChild.remove();
    words.forEach((word, n) => {
      if (n >= this.rows.children.length) this.#row(word);
      else {
        const input = this.#inputs()[n];
        this.#offer(input, word);
        this.put(input, word);
      }
    });
    if (words.length === 0 && this.rows.children.length) this.put(this.#inputs()[0], "");
    this.#room(words.length);
  }
}

// Groups of values at several places: the line says that better than any row of inputs.
class InTheLine extends Editor {
  constructor(...all) {
    super(...all);
    this.input = element("input", { className: "input mono", id: this.id, readOnly: true, placeholder: "type it into the line" });
    this.element.append(this.label(), this.input, this.help() ?? "");
  }

  show(value) {
    this.input.value = value === undefined ? "" : [value].flat(1).map((one) => [one].flat().join(" ")).join(" · ");
  }
}

// A path that the tool reads; for one that it writes there is nothing to attach.
function isRead(field) {
  return field.type === "path" && !/\b(?:out|output|outfile|dest|cache|export|save|log)\b/i.test([...field.names, field.metavar].join(" "));
}

function inputOf(field, id, files) {
  if (field.choices?.length) {
    const usual = element("option", { value: "", textContent: field.default !== null && field.default !== undefined ? `as usual (${field.default})` : "as usual" });
    return element("select", { className: "input", id }, usual, ...field.choices.map((choice) => element("option", { value: choice, textContent: choice })));
  }
  const input = element("input", { className: "input mono", id, type: "text", spellcheck: false, autocomplete: "off", placeholder: field.default ?? field.metavar ?? "" });
  input.setAttribute("autocapitalize", "off");
  if (field.type === "integer") input.inputMode = "numeric";
  if (field.type === "number") input.inputMode = "decimal";
  if (field.type === "path" && files) input.setAttribute("list", files.list);
  return input;
}
