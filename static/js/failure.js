// A request of htmx that failed shows the notice in base.html; the next one that works hides it again.
function show(failed) {
  const notice = document.getElementById("request-failed");
  if (notice) notice.hidden = !failed;
}

for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, () => show(true));
}
document.addEventListener("htmx:afterOnLoad", (event) => {
  if (event.detail.successful) show(false);
});

// A refusal of any status that names its place (the flash) is an answer, not a failure.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (!event.detail.xhr.getResponseHeader("HX-Retarget")) return;
  event.detail.shouldSwap = true;
  event.detail.isError = false;
});
