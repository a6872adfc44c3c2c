// A page that outlived its sign-in keeps what was typed on it. The header X-Sign-In of an answer says
// what has happened: "renewed" brings a new token, with which the request is sent once more; after
// "ended" and "changed" (somebody else signed in) the page stays, and a notice tells what to do.
const SENT_AGAIN = "X-Sent-Again";
let typed = false;

function show(id, shown = true) {
  const notice = document.getElementById(id);
  if (!notice) return;
  notice.hidden = !shown;
  if (shown) notice.focus();
}

function takeToken(token) {
  const headers = JSON.parse(document.body.getAttribute("hx-headers"));
  headers["x-csrftoken"] = token;
  document.body.setAttribute("hx-headers", JSON.stringify(headers));
  for (const input of document.getElementsByName("csrfmiddlewaretoken")) input.value = token;
}

function sendAgain({ verb, path, elt, formData, triggeringEvent }) {
  const values = new FormData();
  for (const [name, value] of formData) {
    if (name !== "csrfmiddlewaretoken") values.append(name, value);
  }
  const event = triggeringEvent;
  htmx.ajax(verb, path, { source: elt, event, values, headers: { [SENT_AGAIN]: "1" } });
}

document.addEventListener("input", (event) => {
  if (event.target.form?.method === "post") typed = true;
});

document.addEventListener("htmx:beforeOnLoad", (event) => {
  const { xhr, requestConfig: sent } = event.detail;
  const signIn = xhr.getResponseHeader("X-Sign-In");
  if (!signIn) return;
  if (signIn === "renewed" && !sent.headers[SENT_AGAIN]) {
    event.preventDefault();
    takeToken(xhr.getResponseHeader("X-CSRFToken"));
    setTimeout(sendAgain, 0, sent);
    return;
  }
  const keeps = typed || sent.verb !== "get" || document.querySelector("[data-edited]");
  // A notice behind an open dialog would not be seen.
  if (signIn === "renewed" || !keeps || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  show("sign-in-ended");
});

document.addEventListener("htmx:afterOnLoad", (event) => {
  const { xhr, requestConfig: sent, successful } = event.detail;
  if (successful) show("sign-in-ended", false);
  // When the answer leads to another page, that one tells.
  if (sent.headers[SENT_AGAIN] && !xhr.getResponseHeader("HX-Redirect")) show("sent-again");
});
