// [data-passkey] is shown where the browser has passkeys; [data-passkey-form] is handed to allauth's
// script under that name. What goes wrong with a passkey is told in the page.
for (const part of document.querySelectorAll("[data-passkey]")) {
  part.hidden = !window.PublicKeyCredential;
}

for (const form of document.querySelectorAll("[data-passkey-form]")) {
  const kind = form.dataset.passkeyForm;
  const credential = form.elements.credential.id;
  const ids = { [kind]: "passkey", credential, passwordless: "id_passwordless", data: "js_data" };
  window.allauth.webauthn.forms[`${kind}Form`]({ ids });
}

document.addEventListener("allauth.error", (event) => {
  const told = document.querySelector("[data-passkey-error]");
  if (!told) return;
  event.preventDefault();
  told.hidden = false;
  told.focus();
});
