// The entry of pages with a run form, beside that of every page.

import { listenToRunForm } from "./run-form.js";

listenToRunForm();
document.body.addEventListener("htmx:after:swap", listenToRunForm); // a tool that has just become ready
