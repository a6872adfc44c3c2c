// One heartbeat for everything that polls: hx-trigger="tick from:body". Quiet in a hidden tab.
const EVERY = 2000;

function tick() {
  if (!document.hidden) document.body.dispatchEvent(new Event("tick"));
}

setInterval(tick, EVERY);
document.addEventListener("visibilitychange", tick);

// What a page asks for by itself is no sign of a person: the server lets the session grow idle.
const AUTOMATIC = ["tick", "row-settled"];

document.addEventListener("htmx:configRequest", ({ detail }) => {
  if (AUTOMATIC.includes(detail.triggeringEvent?.type)) detail.headers["X-Automatic"] = "1";
});
