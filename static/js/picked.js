// How many rows are picked, beside what can be done with them.
function count() {
  for (const place of document.querySelectorAll("[data-picked]")) {
    const picked = document.querySelectorAll(`[form="${place.dataset.picked}"]:checked`);
    place.textContent = picked.length;
  }
}

document.addEventListener("change", count);
document.addEventListener("htmx:afterSettle", count);
count();
