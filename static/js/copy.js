// [data-copy="text"] copies the text; [data-copy-from="#id"] copies what the element shows.
// A [data-secret] is not read aloud.
const SHOWN = 1500;

function copied(button, text) {
  button.dataset.copied = "";
  setTimeout(() => delete button.dataset.copied, SHOWN);
  const announcer = document.getElementById("announcer");
  if (announcer) announcer.textContent = `${announcer.dataset.copied} ${text}`;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-from]");
  if (!button) return;
  const source = button.dataset.copyFrom;
  const text = source ? document.querySelector(source).innerText : button.dataset.copy;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Plain http on another host has no clipboard API: select the text, so that Ctrl+C works.
    const shown = source ? document.querySelector(source) : button.previousElementSibling;
    if (shown) getSelection().selectAllChildren(shown);
    return;
  }
  copied(button, source || "secret" in button.dataset ? "" : text);
});
