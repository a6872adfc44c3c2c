// [data-folder] sends a chosen folder: the paths of its files go into the field "paths" beside it,
// because browsers send bare names. What tools keep in it (.git, .terraform) stays behind.
const KEPT = ".metadata";

function meant(file) {
  const inside = file.webkitRelativePath.split("/").slice(1);
  return !inside.some((part) => part.startsWith(".") && part !== KEPT);
}

document.addEventListener("change", (event) => {
  const input = event.target.closest("[data-folder]");
  if (!input) return;
  const files = [...input.files].filter(meant);
  const paths = input.form.elements[input.name.replace(/folder$/, "paths")];
  paths.value = JSON.stringify(files.map((file) => file.webkitRelativePath));
  const sent = new DataTransfer();
  for (const file of files) sent.items.add(file);
  input.files = sent.files;
});
