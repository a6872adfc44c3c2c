// [data-dialog-open="#id"] opens a <dialog> instead of following its href, which is the page without script.
// [data-dialog-close] closes it. [data-dialog] on a <dialog> opens it as soon as htmx brings it.
// [data-confirm-word="word"] keeps the form's submit buttons disabled until the word is typed.
function open(dialog) {
  if (dialog instanceof HTMLDialogElement && !dialog.open) dialog.showModal();
}

function matches(input) {
  return input.value.trim().toLowerCase() === input.dataset.confirmWord.toLowerCase();
}

function guard(input) {
  for (const button of input.form.querySelectorAll("[type=submit]")) button.disabled = !matches(input);
}

function prepare(root) {
  root.querySelectorAll("[data-confirm-word]").forEach(guard);
  if (root.matches?.("dialog[data-dialog]")) open(root);
  root.querySelectorAll("dialog[data-dialog]").forEach(open);
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog-open]");
  const dialog = opener && document.querySelector(opener.dataset.dialogOpen);
  if (dialog && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    open(dialog);
  }
  const closer = event.target.closest("[data-dialog-close]");
  const shown = closer?.closest("dialog");
  if (shown) {
    event.preventDefault();
    shown.close();
  }
  // A click on the backdrop is a click on the dialog itself, outside its content.
  if (event.target instanceof HTMLDialogElement && !event.target.querySelector("form")) event.target.close();
});

document.addEventListener("input", (event) => {
  if (event.target.matches("[data-confirm-word]")) guard(event.target);
});

document.addEventListener("htmx:load", (event) => prepare(event.target));
prepare(document);
