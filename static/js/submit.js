// A form that is on its way is not sent twice; its button says so and keeps its width.
const AGAIN = 10000;

function release(form) {
  delete form.dataset.sent;
  for (const button of form.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent !== undefined) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  if (event.defaultPrevented) return;
  form.dataset.sent = "";
  event.submitter?.setAttribute("aria-busy", "true");
  // The server may be slow or gone: after a while the person may try again.
  setTimeout(() => release(form), AGAIN);
}, true);

document.addEventListener("click", (event) => {
  if (event.target.closest('[aria-disabled="true"]')) event.preventDefault();
}, true);

document.addEventListener("htmx:afterRequest", (event) => {
  const form = event.target.closest?.("form");
  if (form) release(form);
});

addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach(release));
