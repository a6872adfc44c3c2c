// [data-multiline] is a text control that takes several lines: pasted, or asked for by
// [data-multiline-open] beside it. While there is one line, Enter sends the form.
// A [data-covered] one is a password input until then; [data-multiline-show] uncovers it.
const LINES = 4;
const MOST = 12;
const SAME = ["name", "id", "placeholder", "aria-label", "aria-describedby", "aria-invalid", "required", "readonly", "hx-preserve"];
const areas = new WeakMap();

function several(control) {
  return control.dataset.multiline === "open" || control.value.includes("\n");
}

function beside(control, name) {
  return control.closest(".multiline")?.querySelector(`[data-multiline-${name}]`);
}

function arrange(control) {
  const opener = beside(control, "open");
  if (opener) opener.hidden = several(control);
  const uncover = beside(control, "show");
  if (uncover) uncover.hidden = control.type === "password";
}

function grow(area) {
  if (CSS.supports("field-sizing: content")) return;
  const least = area.dataset.multiline === "open" ? LINES : 1;
  area.rows = Math.min(MOST, Math.max(least, area.value.split("\n").length));
}

function attributes(from, to) {
  for (const name of SAME) if (from.hasAttribute(name)) to.setAttribute(name, from.getAttribute(name));
  to.dataset.multiline = "";
}

function replace(control, other) {
  const focused = control === document.activeElement;
  control.replaceWith(other);
  if (focused) other.focus();
}

// Password managers, keyboards and screen readers know a password input as a secret.
function cover(area) {
  const input = document.createElement("input");
  attributes(area, input);
  input.type = "password";
  input.autocomplete = "new-password";
  areas.set(input, area);
  replace(area, input);
  return input;
}

// A text area in the place of an input, with its text and the selection in it.
function widen(input) {
  const area = areas.get(input) ?? document.createElement("textarea");
  attributes(input, area);
  area.value = input.value;
  area.spellcheck = false;
  const { selectionStart: start, selectionEnd: end } = input;
  replace(input, area);
  area.setSelectionRange(start, end);
  return area;
}

function open(control) {
  const area = control instanceof HTMLTextAreaElement ? control : widen(control);
  area.dataset.multiline = "open";
  area.rows = LINES;
  grow(area);
  arrange(area);
  return area;
}

function prepare(root) {
  for (const control of root.querySelectorAll?.("[data-multiline]") ?? []) {
    const area = control instanceof HTMLTextAreaElement;
    const shut = area && "covered" in control.dataset && control.value === "" && control.rows === 1;
    arrange(shut && !several(control) ? cover(control) : control);
    if (area) grow(control);
  }
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-multiline-open]");
  if (opener) open(opener.closest(".multiline").querySelector("[data-multiline]")).focus();
  const uncover = event.target.closest("[data-multiline-show]");
  if (!uncover) return;
  const shown = uncover.getAttribute("aria-pressed") !== "true";
  uncover.setAttribute("aria-pressed", String(shown));
  uncover.closest(".multiline").querySelector("textarea").classList.toggle("covered", !shown);
});

document.addEventListener("paste", (event) => {
  const input = event.target;
  if (!input.matches?.("input[data-multiline]")) return;
  const text = event.clipboardData.getData("text/plain").replace(/\r\n?/g, "\n");
  if (!text.includes("\n")) return;
  event.preventDefault();
  const area = open(input);
  area.setRangeText(text, area.selectionStart, area.selectionEnd, "end");
  area.dispatchEvent(new Event("input", { bubbles: true }));
});

document.addEventListener("input", (event) => {
  const area = event.target;
  if (!area.matches?.("textarea[data-multiline]")) return;
  // Text that has had several lines keeps its room and its Enter.
  if (area.value.includes("\n")) area.dataset.multiline = "open";
  grow(area);
  arrange(area);
});

document.addEventListener("keydown", (event) => {
  const area = event.target;
  if (event.key !== "Enter" || event.isComposing || event.shiftKey || event.altKey) return;
  if (!area.matches?.("textarea[data-multiline]") || !area.form || several(area)) return;
  event.preventDefault();
  area.form.requestSubmit(area.form.querySelector("[type=submit]"));
});

document.addEventListener("htmx:load", (event) => prepare(event.target));
prepare(document);
