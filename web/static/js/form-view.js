// The fields of a command beside its line: what is entered goes into the line, what is typed there into the fields.

import { editorOf, element } from "./field-editors.js";
import { keyOf } from "./form-fields.js";
import { change, choose } from "./form-edit.js";
import { formsOf, fromLine } from "./form-line.js";
import { OpenLine } from "./line-words.js";
import { looksLikeJson } from "./words.js";

const SEARCHED = 12; // from so many fields on there is a search box
const FOLDED = 30; // from so many fields on groups are folded
const FIRST = 12; // so many of the plain ones stay in sight then
const LAST = new Set(["--help", "-h", "--version", "-V", "--install-completion", "--show-completion"]);

export class FormView {
  #place; #forms; #line; #files; #command; #shape = ""; #editors = []; #note; #groups; #kept;

  /** `command()` names the chosen command; `line` is the textarea; `files` picks and lists files. */
  constructor(place, { line, command, files }) {
    this.#place = place;
    this.#forms = JSON.parse(place.dataset.forms || "{}");
    this.#line = line;
    this.#files = files;
    this.#command = command;
  }

  get #form() {
    return this.#forms[this.#command()];
  }

  /** Bring the fields in step with the line. */
  follow() {
    const form = this.#form;
    this.#place.hidden = !form;
    if (!form) return;
    const line = this.#line.value;
    if (looksLikeJson(line)) return this.#rest("The line is JSON; the fields wait until it is a command line again.");
    let values;
    try {
      values = fromLine(form, line);
    } catch (error) {
      if (!(error instanceof OpenLine)) throw error;
      return this.#rest(`${error.message} The fields wait for it.`);
    }
    const shape = JSON.stringify([this.#command(), values.path]);
    if (shape !== this.#shape) this.#build(form, values.path);
    this.#shape = shape;
    this.#rest("");
    for (const { editor, field, level, details } of this.#editors) {
      const value = values.levels[level]?.[keyOf(field)];
      editor.show(value);
      editor.need(field.required && value === undefined);
      if (details && value !== undefined && !details.dataset.seen) details.open = true;
    }
    this.#showKept(values.kept);
  }

  #rest(text) {
    if (!this.#note) this.#build(this.#form, []);
    this.#note.textContent = text;
    this.#note.hidden = !text;
    this.#groups.inert = Boolean(text);
  }

  #showKept(kept) {
    this.#kept.hidden = kept.length === 0;
    this.#kept.replaceChildren("Kept as typed: ", ...kept.flatMap(({ word }, n) => [n ? " " : "", element("code", { textContent: word })]));
  }

  #build(form, path) {
    const focused = this.#place.contains(document.activeElement) ? document.activeElement.id : "";
    this.#editors = [];
    this.#note = element("p", { className: "quiet small", hidden: true, role: "status" });
    this.#kept = element("p", { className: "kept-words quiet small", hidden: true });
    const forms = formsOf(form, path);
    const count = forms.reduce((sum, one) => sum + (one.fields?.length ?? 0), 0);
    this.#groups = element("div", { className: "groups" });
    const choosers = element("div", { className: "fields" });
    forms.forEach((one, level) => {
      const names = Object.keys(one.subcommands ?? {});
      if (names.length) choosers.append(this.#chooser(one, names, level, path));
    });
    if (choosers.children.length) this.#groups.append(choosers);
    const deepest = forms.length - 1;
    this.#addFields(forms[deepest], deepest, "", count > FOLDED);
    for (let level = deepest - 1; level >= 0; level -= 1) this.#addFields(forms[level], level, [this.#command(), ...path.slice(0, level)].join(" "), true);
    const search = count >= SEARCHED ? this.#search() : "";
    this.#place.replaceChildren(search, this.#note, this.#groups, this.#kept);
    if (focused.startsWith("subcommand-")) document.getElementById(focused)?.focus();
  }

  #chooser(form, names, level, path) {
    const id = `subcommand-${level}`;
    const select = element("select", { className: "input mono", id },
      element("option", { value: "", textContent: "none" }), ...names.map((name) => element("option", { value: name, textContent: name })));  // prettier-ignore
    select.value = path[level] ?? "";
    select.addEventListener("change", () => this.#write((line) => choose(this.#form, line, level, select.value)));
    const about = form.subcommands[path[level]]?.about ?? "";
    const help = element("small", { textContent: about });
    const label = element("label", { htmlFor: id, textContent: level ? `Subcommand of ${path[level - 1]}` : "Subcommand" });
    return element("div", { className: "field" }, label, select, about ? help : "");
  }

  #addFields(form, level, of, fold) {
    const rank = (field) => (field.kind === "positional" ? 0 : field.required ? 1 : LAST.has(field.names.find((name) => name.startsWith("--")) ?? field.names[0]) ? 3 : 2);
    const fields = [...(form.fields ?? [])].sort((a, b) => rank(a) - rank(b));
    const plain = fields.filter((field) => !field.group);
    const shown = of ? [] : fold && plain.length > FIRST * 2 ? plain.slice(0, FIRST) : plain;
    const parts = [["", shown], [shown.length ? "More options" : "Options", plain.slice(shown.length)], ...(form.groups ?? []).map((group) => [group, fields.filter((field) => field.group === group)])];  // prettier-ignore
    for (const [group, own] of parts) {
      if (!own.length) continue;
      const title = [of, group].filter(Boolean).join(": ");
      const box = element("div", { className: "fields" });
      const folded = fold && title !== "";
      const details = folded ? element("details", {}, element("summary", {}, title, element("span", { className: "num", textContent: String(own.length) })), box) : null;
      details?.querySelector("summary").addEventListener("click", () => (details.dataset.seen = "1"));
      for (const field of own) {
        const editor = editorOf(field, this.#files, (value) => this.#write((line) => change(this.#form, line, level, keyOf(field), value)));
        box.append(editor.element);
        this.#editors.push({ editor, field, level, details });
      }
      this.#groups.append(details ?? (title ? element("fieldset", {}, element("legend", { textContent: title }), box) : box));
    }
  }

  #search() {
    const input = element("input", { type: "search", className: "input", placeholder: "Find an option", ariaLabel: "Find an option", autocomplete: "off" });
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") event.preventDefault();
    });
    input.addEventListener("input", () => {
      const sought = input.value.trim().toLowerCase().split(/\s+/);
      const groups = new Map();
      for (const { editor, field, details } of this.#editors) {
        const text = [...field.names, field.help, field.group, field.metavar].join(" ").toLowerCase();
        const found = sought.every((word) => text.includes(word));
        editor.element.hidden = !found;
        const box = details ?? editor.element.closest("fieldset");
        if (box) groups.set(box, groups.get(box) || found);
      }
      for (const [box, found] of groups) {
        box.hidden = !found;
        if (box.tagName === "DETAILS" && sought[0] && found) box.open = true;
      }
    });
    return element("div", { className: "find-option" }, input);
  }

  #write(edit) {
    try {
      this.#line.value = edit(this.#line.value);
    } catch (error) {
      if (!(error instanceof OpenLine)) throw error;
      return;
    }
    this.#line.dispatchEvent(new Event("input", { bubbles: true }));
  }
}
