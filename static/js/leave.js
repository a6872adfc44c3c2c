// [data-leave="question"] on a link inside a form asks once when the form has been edited.
function edited(control) {
  if (control.type === "checkbox" || control.type === "radio") return control.checked !== control.defaultChecked;
  if (control.options) {
    const options = [...control.options];
    const first = options.find((option) => option.defaultSelected) ?? options[0];
    return !control.multiple && control.value !== first?.value;
  }
  return control.defaultValue !== undefined && control.type !== "hidden" && control.value !== control.defaultValue;
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-leave]");
  const form = link?.closest("form");
  if (!form) return;
  // What the server has rendered again is a default by now, and still not saved.
  const unsaved = form.querySelector("[data-edited]") || [...form.elements].some(edited);
  if (unsaved && !confirm(link.dataset.leave)) event.preventDefault();
});
