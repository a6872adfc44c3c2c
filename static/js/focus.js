// After a page or a swap with errors, focus goes to the error summary; after a page with a flash to
// the flash, unless the address names a place. A flash that is swapped in scrolls into view.
// "/" goes to the search box, unless the person has turned that off.
function summary(root) {
  root.querySelector?.("[data-error-summary]")?.focus();
}

function typing(node) {
  return node.matches?.("input, select, textarea, [contenteditable]");
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (document.querySelector("dialog[open]") || document.documentElement.dataset.shortcut === "off") return;
  const boxes = [...document.querySelectorAll("main [data-search], [data-search]")];
  const box = boxes.find((each) => each.checkVisibility());
  if (!box) return;
  event.preventDefault();
  box.focus();
  box.select();
});

document.addEventListener("htmx:load", (event) => {
  if (event.target.id === "flash") event.target.scrollIntoView({ block: "center" });
  summary(event.target);
});
// Back and Forward bring another tab: the focus stays in the row of tabs, on the one that is shown.
document.addEventListener("htmx:historyRestore", () => {
  const now = document.activeElement;
  if (now !== document.body && !now.closest(".tabs")) return;
  document.querySelector(".tabs [aria-current]")?.focus({ preventScroll: true });
});

summary(document);
if (!location.hash && !document.querySelector("[data-error-summary], [autofocus]")) {
  document.querySelector("#flash:has(.notice)")?.focus();
}
