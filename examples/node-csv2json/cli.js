#!/usr/bin/env node
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import Papa from "papaparse";

const usage = `Usage: csv2json [options] FILE

Turns a CSV file into JSON.

Options:
  -o, --output FILE  write to a file instead of standard output
  -c, --compact      no line breaks
  -h, --help         show this text
  -v, --version      show the version
`;

let options;
try {
  options = parseArgs({
    allowPositionals: true,
    options: {
      output: { type: "string", short: "o" },
      compact: { type: "boolean", short: "c" },
      help: { type: "boolean", short: "h" },
      version: { type: "boolean", short: "v" },
    },
  });
} catch (error) {
  console.error(`${error.message}\n\n${usage}`);
  process.exit(2);
}

const { values, positionals } = options;
if (values.help) {
  process.stdout.write(usage);
} else if (values.version) {
  console.log("csv2json 1.0.0");
} else if (positionals.length !== 1) {
  console.error(usage);
  process.exit(2);
} else {
  const text = readFileSync(positionals[0] === "-" ? 0 : positionals[0], "utf8");
  const { data } = Papa.parse(text, { header: true, skipEmptyLines: true, dynamicTyping: true });
  const json = JSON.stringify(data, null, values.compact ? 0 : 2) + "\n";
  if (values.output) writeFileSync(values.output, json);
  else process.stdout.write(json);
}
