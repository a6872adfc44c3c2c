// A [data-log] panel holds [data-log-lines]; [data-log-follow] and [data-log-wrap] are its toggles.
// It follows the end until the reader scrolls up, and again when they return to the end or press Follow.
const NEAR = 24;
const MOST = 2000;

function panelOf(node) {
  return node.closest?.("[data-log]");
}

function press(panel, name, on) {
  panel.querySelector(`[data-log-${name}]`)?.setAttribute("aria-pressed", String(on));
}

function toEnd(panel) {
  const lines = panel.querySelector("[data-log-lines]");
  if (lines) lines.scrollTop = lines.scrollHeight;
}

function follows(panel) {
  return panel.querySelector("[data-log-follow]")?.getAttribute("aria-pressed") === "true";
}

function grown(node) {
  const panels = panelOf(node) ? [panelOf(node)] : node.querySelectorAll("[data-log]");
  for (const panel of panels) {
    const rows = panel.querySelectorAll("[data-log-lines] li");
    for (let extra = 0; extra < rows.length - MOST; extra += 1) rows[extra].remove();
    if (follows(panel)) toEnd(panel);
  }
}

document.addEventListener("click", (event) => {
  const panel = panelOf(event.target);
  if (!panel) return;
  if (event.target.closest("[data-log-follow]")) {
    press(panel, "follow", !follows(panel));
    if (follows(panel)) toEnd(panel);
  }
  if (event.target.closest("[data-log-wrap]")) {
    const nowrap = panel.toggleAttribute("data-nowrap");
    press(panel, "wrap", !nowrap);
  }
});

document.addEventListener("scroll", (event) => {
  const lines = event.target;
  if (!lines.matches?.("[data-log-lines]")) return;
  press(panelOf(lines), "follow", lines.scrollHeight - lines.scrollTop - lines.clientHeight < NEAR);
}, true);

document.addEventListener("htmx:afterSettle", (event) => grown(event.target));
grown(document);
