// What a form's fields take, and how an option with its values is written.

/** The name that stands for a field: its first spelling. */
export const keyOf = (field) => field.names[0];

/** Whether it takes other than one value at each place. */
export const isMany = (field) => field.most !== 1;

const isLong = (name) => name.startsWith("--");
const isShort = (name) => name.length === 2;

/** The spelling that people read best. */
export function bestName(field) {
  return field.names.find(isLong) ?? field.names[0];
}

/** Whether a word would be taken for an option: not `-`, not a negative number. */
export function looksLikeOption(word) {
  return word.length > 1 && word[0] === "-" && !/^-\d+(\.\d+)?$/.test(word);
}

/** Whether more words would be taken for its values: something must end it. */
export function staysOpen(field, values) {
  return field.style === "word" && (field.most === null || (values.length < field.most && values.length >= field.least));
}

/** The words of one place of an option; `name` is the spelling to use. */
export function written(field, values, isName, name = bestName(field)) {
  if (values.length === 0) return [name];
  if (isMany(field)) return [name, ...values];
  const [value] = values;
  const long = !isShort(name);
  const optional = field.least === 0;
  const inline = field.style === "equals" || field.style === "attached" || (value.startsWith("-") && value !== "-" && (isLong(name) || optional));
  if (!inline) return [name, value];
  if (long && (field.style !== "attached" || isLong(name))) return [`${name}=${value}`];
  if (field.style === "equals" && !optional) return [name, value];
  const short = field.style === "attached" ? (field.names.find(isShort) ?? name) : name;
  const word = short + value;
  const part = word.split("=")[0];
  return value !== "" && isShort(short) && !isName(word) && (part === short || !isName(part)) ? [word] : isLong(short) ? [`${short}=${value}`] : [short, value];
}

/** The places of a value as lists of words: `"a"` → `[["a"]]`, `["a", "b"]` of a repeatable → `[["a"], ["b"]]`. */
export function places(field, value) {
  const one = (single) => (single === true ? [] : Array.isArray(single) ? single : [single]);
  if (!Array.isArray(value)) return [one(value)];
  const several = isMany(field) ? value.some(Array.isArray) || (field.repeatable && value.length === 0) : true;
  return several ? value.map(one) : [value];
}

/** The value of these places, the reverse of `places`. */
export function valueOf(field, found) {
  const one = (words) => (isMany(field) ? words : words.length ? words[0] : true);
  return field.repeatable || found.length > 1 ? found.map(one) : one(found[0]);
}
